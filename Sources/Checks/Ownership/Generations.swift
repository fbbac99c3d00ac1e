import Glibc

/// The generations of the child that live at the same time, and how to tell whose a process is.
///
/// It belongs to the loop's thread. While it knows of one generation alone, a probe that judges that
/// one does what any probe does: whatever of the child's tree answers is its answer.
public final class Generations {
  /// A generation's number, and the process that vouch started for it. One stays here until nothing of
  /// it is left: its workers may outlive it, and are known by it.
  public var heads: [Int: pid_t] = [:] {
    didSet {
      // While they live: afterwards the number may be another process's.
      for (generation, head) in heads where births[generation] == nil {
        births[generation] = ProcessTree.birth(of: head)
      }
      births = births.filter { heads[$0.key] != nil }
    }
  }
  private var births: [Int: UInt64] = [:]

  private let root: pid_t
  /// The listening sockets that the generations share, as fstat(2) numbers them.
  private let sockets: [UInt32]

  /// - Parameters:
  ///   - root: whose children the heads are, and who adopts what they leave behind: vouch.
  ///   - descriptors: the listening sockets that the generations share.
  public init(root: pid_t = getpid(), sharing descriptors: [CInt] = []) {
    self.root = root
    sockets = descriptors.compactMap {
      var status = stat()
      return fstat($0, &status) == 0 ? UInt32(truncatingIfNeeded: status.st_ino) : nil
    }
  }

  /// The generation that a process of ours belongs to.
  ///
  /// - Returns: nil for a process that is none of ours, has ended, or tells nothing of where it comes
  ///   from. Reads /proc: a few tens of µs.
  public func generation(of process: pid_t) -> Int? { lineage.generation(of: process) }

  /// Of a child of the root's whose `generation` cannot be told: the one that it would serve for, if it
  /// serves. It must have one of the shared sockets, or a descendant of it must, and is taken for one of
  /// the youngest generation that was there when it was forked: programs fork what serves when they start.
  /// Good enough to end a generation with, and not to judge one.
  public func presumedGeneration(of process: pid_t) -> Int? {
    guard let presumed = lineage.possibleGenerations(ofOrphan: process).last else { return nil }
    let serves = ([process] + ProcessTree.descendants(of: process)).contains { member in
      let reader = ProcessTree.livingThread(of: member)
      guard case .success(let found) = HolderSearch.descriptors(of: reader, sockets) else {
        return false
      }
      return found.contains { $0 >= 0 }
    }
    return serves ? presumed : nil
  }

  /// Why it cannot be told which generation answers, in words that may follow "since"; nil where it
  /// can. To be asked before a generation is started beside those that live.
  public var obstacle: String? {
    for (_, head) in heads where !ProcessTree.hasEnded(head) {
      let reader = ProcessTree.livingThread(of: head)
      guard case .failure(let trouble) = HolderSearch.descriptors(of: reader, [0]) else { continue }
      // Whatever is left of descriptors, the checks of the generation that serves are in greater need of.
      if isOwnTrouble(trouble.code) {
        return "vouch cannot look into process \(head): \(words(for: trouble.code))"
      }
      if ProcessTree.hasEnded(head) { continue }
      return "process \(head) belongs to another user, or keeps its sockets out of sight "
        + "(ptrace(2), PTRACE_MODE_READ_FSCREDS)"
    }
    do throws(SocketDiag.Trouble) {
      _ = try SocketDiag().listeners(port: 1)
      return nil
    } catch {
      switch error {
      case .blind(let text), .shortage(let text): return text
      }
    }
  }

  /// What the command of a check is told of the generation that it judges; nothing where it judges none.
  func variables(of generation: Int?) -> [String: String] {
    guard let generation else { return [:] }
    var variables = [Lineage.variable: String(generation)]
    // As systemd tells the commands of ExecReload= (systemd.exec(5)).
    if let head = heads[generation] { variables["MAINPID"] = String(head) }
    return variables
  }

  /// Whether another one lives beside this one, or may.
  func isAlone(_ generation: Int) -> Bool { heads.keys.allSatisfy { $0 == generation } }

  var lineage: Lineage { Lineage(root: root, heads: heads, births: births) }
}
