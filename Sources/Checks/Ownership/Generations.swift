import Glibc

/// The generations of the child that live at the same time, and how to tell whose a process is.
///
/// It belongs to the loop's thread. While it knows of one generation alone, a probe that judges that
/// one does what any probe does: whatever of the child's tree answers is its answer.
public final class Generations {
  /// A generation's number, and the process that vouch started for it. One stays here until nothing of
  /// it is left: its workers may outlive it, and are known by it.
  public var heads: [Int: pid_t] = [:]

  private let root: pid_t

  /// - Parameter root: whose children the heads are, and who adopts what they leave behind: vouch.
  public init(root: pid_t = getpid()) {
    self.root = root
  }

  /// The generation that a process of ours belongs to.
  ///
  /// - Returns: nil for a process that is none of ours, has ended, or tells nothing of where it comes
  ///   from. Reads /proc: a few tens of µs.
  public func generation(of process: pid_t) -> Int? { lineage.generation(of: process) }

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

  var lineage: Lineage { Lineage(root: root, heads: heads) }
}
