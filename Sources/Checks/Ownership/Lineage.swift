import Glibc

/// Tells the generation of a process by its line of parents, as of one moment.
struct Lineage: Sendable {
  /// Vouch, which adopts what has lost its parents.
  var root: pid_t
  var heads: [Int: pid_t]
  /// When each head was forked, as far as it is known (`ProcessTree.birth`).
  var births: [Int: UInt64] = [:]

  /// Deeper than any family: a line that goes in circles while it changes must end.
  private static let deepest = 1000

  func generation(of process: pid_t) -> Int? {
    // A parent that ends while the line is walked breaks it, and has its children adopted.
    for _ in 0..<3 {
      var next = process
      for _ in 0..<Self.deepest {
        if let number = number(ofHead: next) { return number }
        guard let parent = ProcessTree.parent(of: next), parent > 0 else { break }
        if parent == root { return generation(ofOrphan: next) }
        next = parent
      }
      if next == 1 || ProcessTree.hasEnded(process) { return nil }
    }
    return nil
  }

  /// Of a child of the root's that is no head: by the session or the process group that a head leads,
  /// whose number is nobody else's as long as a member is left; else by what the head was given in its
  /// environment, as far as the process still has it (environ(7)); else by its age, where that leaves one.
  private func generation(ofOrphan process: pid_t) -> Int? {
    for leader in [getsid(process), getpgid(process)] where leader > 0 && leader != root {
      if let number = number(ofHead: leader) { return number }
    }
    if let environment = ProcFile.read("/proc/\(process)/environ"),
      let number = Self.number(inEnvironment: environment)
    {
      return number
    }
    let possible = possibleGenerations(ofOrphan: process)
    return possible.count == 1 ? possible[0] : nil
  }

  /// Those whose head is no younger than the process, the oldest first.
  func possibleGenerations(ofOrphan process: pid_t) -> [Int] {
    guard let birth = ProcessTree.birth(of: process) else { return [] }
    return heads.keys.filter { births[$0].map { $0 <= birth } ?? true }.sorted()
  }

  /// Where a number was given anew, it is the latest that has it.
  private func number(ofHead process: pid_t) -> Int? {
    heads.filter { $0.value == process }.keys.max()
  }

  static let variable = "VOUCH_GENERATION"

  static func number(inEnvironment environment: [UInt8]) -> Int? {
    let prefix = Array((variable + "=").utf8)
    for entry in environment.split(separator: 0) where entry.starts(with: prefix) {
      return Int(String(decoding: entry.dropFirst(prefix.count), as: UTF8.self))
    }
    return nil
  }

  /// The processes of one generation: the head's descendants, and what it left behind.
  func members(of generation: Int) -> [pid_t] {
    var found: [pid_t] = []
    if let head = heads[generation] { found = [head] + ProcessTree.descendants(of: head) }
    let known = Set(heads.values)
    for orphan in ProcessTree.offspring(of: root)
    where !known.contains(orphan) && self.generation(ofOrphan: orphan) == generation {
      found += [orphan] + ProcessTree.descendants(of: orphan)
    }
    return found
  }
}
