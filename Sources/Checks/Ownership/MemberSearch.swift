import Glibc

/// Finds out which connections were accepted by processes of one generation, by reading /proc/PID/fd.
/// Only that generation's processes are looked into: the old one may have thousands of connections
/// open. Not for the loop, all the same.
struct MemberSearch: Sendable {
  enum Side: Hashable, Sendable {
    /// A process of the wanted generation has it.
    case wanted
    /// Not the wanted one, as far as can be seen.
    case other
    /// Nobody of the tree was found to have it, though it was looked for everywhere.
    case nobody
  }

  var lineage: Lineage
  var generation: Int
  /// The server's sides of the connections.
  var inodes: [UInt32]
  /// Whether to look through the rest of the tree, too: what is in nobody's hands there is in those of
  /// a stranger, or out of sight.
  var looksEverywhere: Bool

  func run() -> [UInt32: Side] {
    var sides: [UInt32: Side] = [:]
    let members = lineage.members(of: generation)
    let isHidden = search(members, .wanted, &sides)
    if sides.count == inodes.count { return sides }
    if isHidden || looksEverywhere {
      let seen = Set(members)
      let others = ProcessTree.descendants(of: lineage.root).filter { !seen.contains($0) }
      _ = search(others, .other, &sides)
    }
    for inode in inodes where sides[inode] == nil {
      sides[inode] = isHidden || looksEverywhere ? .nobody : .other
    }
    return sides
  }

  /// - Returns: whether there are processes that vouch may not look into.
  private func search(
    _ processes: [pid_t], _ side: Side, _ sides: inout [UInt32: Side]
  ) -> Bool {
    var isHidden = false
    for process in processes {
      let left = inodes.filter { sides[$0] == nil }
      if left.isEmpty { break }
      let reader = ProcessTree.livingThread(of: process)
      switch HolderSearch.descriptors(of: reader, left) {
      case .success(let descriptors):
        for (inode, descriptor) in zip(left, descriptors) where descriptor >= 0 {
          sides[inode] = side
        }
      case .failure: if !ProcessTree.hasEnded(process) { isHidden = true }
      }
    }
    return isHidden
  }
}
