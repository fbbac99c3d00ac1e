import CSocketDiag
import Glibc

/// A process that has a socket open.
struct Holder: Hashable, Sendable {
  var process: pid_t
  var descriptor: CInt

  /// Whether it still does: one readlink(2), about 1 µs.
  func holds(_ inode: UInt32) -> Bool { csocketdiag_holds(process, descriptor, inode) }
}

/// A process that is not the child's.
struct Stranger: Hashable, Sendable {
  var holder: Holder
  /// What it is called (/proc/PID/comm); it may be gone already.
  var name: String?
}

/// Who holds one socket.
struct Holding: Hashable, Sendable {
  /// One of the child's tree.
  var own: Holder?
  var strangers: [Stranger] = []
  /// Whether the tree has processes whose descriptors vouch may not see.
  var isTreeHidden = false
  /// The users of other processes that vouch may not see into, as far as they are to be seen at all.
  var hiddenUsers: Set<uid_t> = []
}

/// Finds out who holds sockets by reading /proc/PID/fd. That takes about 1 µs a descriptor and 10 µs
/// a process: not for the loop.
struct HolderSearch: Sendable {
  /// Whose descendants are the child's tree.
  var root: pid_t
  /// Whether the root itself counts; vouch holds the passed sockets, and never accepts.
  var includesRoot: Bool
  var inodes: [UInt32]
  /// Of them the ones that strangers may hold beside the child, as they came from outside. What the
  /// child opened by itself can be elsewhere only if it was sent there (SCM_RIGHTS).
  var passed: Set<UInt32>

  func run() -> [UInt32: Holding] {
    var found = [UInt32: Holding](uniqueKeysWithValues: inodes.map { ($0, Holding()) })
    var tree = ProcessTree.descendants(of: root)
    if includesRoot { tree.insert(root, at: 0) }
    searchTree(tree, &found)
    searchOthers(except: Set(tree + [root]), &found)
    return found
  }

  private func searchTree(_ tree: [pid_t], _ found: inout [UInt32: Holding]) {
    var left = inodes
    var isHidden = false
    for process in tree where !left.isEmpty {
      // A program may end its first thread and go on in the others (pthread_exit(3)).
      let reader = ProcessTree.livingThread(of: process)
      switch Self.descriptors(of: reader, left) {
      case .success(let descriptors):
        for (inode, descriptor) in zip(left, descriptors) where descriptor >= 0 {
          found[inode]?.own = Holder(process: reader, descriptor: descriptor)
        }
        left.removeAll { found[$0]?.own != nil }
      case .failure:
        if !ProcessTree.hasEnded(process) { isHidden = true }
      }
    }
    for inode in left { found[inode]?.isTreeHidden = isHidden }
  }

  private func searchOthers(except tree: Set<pid_t>, _ found: inout [UInt32: Holding]) {
    let wanted = inodes.filter { found[$0]?.own == nil || passed.contains($0) }
    if wanted.isEmpty { return }
    // The service manager holds the sockets that it passes, and so may whoever started vouch on its
    // behalf; they do not accept from them.
    let managers = Set(ProcessTree.ancestors(of: root) + [1])
    var hidden: Set<uid_t> = []
    for process in ProcessTree.all() where !tree.contains(process) {
      let reader = ProcessTree.livingThread(of: process)
      guard case .success(let descriptors) = Self.descriptors(of: reader, wanted) else {
        if let user = ProcFile.owner("/proc/\(process)"), !ProcessTree.hasEnded(process) {
          hidden.insert(user)
        }
        continue
      }
      for (inode, descriptor) in zip(wanted, descriptors) where descriptor >= 0 {
        if managers.contains(process), passed.contains(inode) { continue }
        let holder = Holder(process: reader, descriptor: descriptor)
        if ProcessTree.ancestors(of: process).contains(root) {
          // Forked while the tree was read.
          if found[inode]?.own == nil { found[inode]?.own = holder }
        } else {
          found[inode]?.strangers.append(Stranger(holder: holder, name: Self.name(of: process)))
        }
      }
    }
    for inode in wanted { found[inode]?.hiddenUsers = hidden }
    // It may be one that is just being started: systemd's own copy before it closes what is not for
    // the new process. The next look tells.
  }

  /// Why a process cannot be looked into: an errno of opendir(3) or readdir(3).
  struct Unreadable: Error { var code: CInt }

  /// For each inode the descriptor of the process that is it, or -1.
  static func descriptors(
    of process: pid_t, _ inodes: [UInt32]
  ) -> Result<[CInt], Unreadable> {
    var code: CInt = 0
    let descriptors = [CInt](unsafeUninitializedCapacity: inodes.count) { buffer, initialized in
      code = csocketdiag_find(process, inodes, buffer.baseAddress, inodes.count)
      initialized = inodes.count
    }
    return code == 0 ? .success(descriptors) : .failure(Unreadable(code: code))
  }

  private static func name(of process: pid_t) -> String? {
    ProcFile.read("/proc/\(process)/comm").map {
      shown(String(decoding: $0.prefix(64), as: UTF8.self))
    }
  }
}
