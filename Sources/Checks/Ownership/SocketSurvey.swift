import CSocketDiag
import Glibc

/// What a program has done with the sockets that it was passed, and where else it listens, as
/// sock_diag(7) and proc(5) tell it. For a diagnosis: it says nothing where it cannot see.
public struct SocketSurvey: Sendable {
  /// One process of the child's tree.
  public struct Process: Hashable, Sendable {
    public var id: pid_t
    /// /proc/PID/comm.
    public var name: String
    /// The words of its command line, as far as they are in the first 4 KiB.
    public var words: [String]
  }

  /// What became of one passed socket.
  public struct Passed: Hashable, Sendable {
    /// Whether a process of the tree has it open.
    public var isHeld = false
    /// Whether one of them waits for it with epoll(7): then it has taken it, busy as it may be.
    public var isWatched = false
    /// Whether somebody has accepted a connection from it that is still open.
    public var hasAccepted = false
    /// Whether a connection waits in its listen queue.
    public var isWaiting = false
  }

  /// Where a socket listens.
  public enum Place: Hashable, Sendable {
    /// An IPv4 address is ::ffff:a.b.c.d; `isV6` says what the socket is.
    case ip(SIMD16<UInt8>, port: UInt16, isV6: Bool)
    /// As in sun_path: an abstract name begins with NUL.
    case unix([UInt8])
  }

  /// A listening stream socket that the tree has opened for itself.
  public struct Own: Hashable, Sendable {
    public var place: Place
    public var process: Process
  }

  /// In the order in which they were asked for.
  public var passed: [Passed] = []
  public var own: [Own] = []
  /// The process nearest to the root.
  public var first: Process?
  /// Whether the tree has processes whose descriptors vouch may not see.
  public var isHidden = false

  /// More of its own listening sockets are not told of.
  private static let ownLimit = 32
  /// More sockets than this of one kind on the machine are not looked at.
  private static let room = 8192

  /// Looks. It takes about 10 µs a process of the tree, 1 µs a descriptor of theirs, and the kernel's
  /// walks over its tables of sockets: some milliseconds, not for the loop.
  ///
  /// - Parameters:
  ///   - root: the process whose descendants are the child's tree.
  ///   - includesRoot: whether the root itself counts.
  ///   - others: of them those that vouch runs beside the child.
  ///   - descriptors: the passed listening stream sockets, in this process.
  /// - Returns: nil where the kernel does not answer, or vouch is short of something.
  public static func take(
    root: pid_t, includesRoot: Bool = false, others: Set<pid_t> = [], descriptors: [CInt]
  ) -> SocketSurvey? {
    let netlink = csocketdiag_open()
    guard netlink >= 0 else { return nil }
    defer { close(netlink) }
    var survey = SocketSurvey()
    let passed = descriptors.map(csocketdiag_inode)
    guard
      let tcp = every({ csocketdiag_every_tcp(netlink, 0, $0, $1, $2) }),
      let unix = every({ csocketdiag_every_unix(netlink, false, $0, $1, $2) })
    else { return nil }
    survey.passed = descriptors.map { descriptor in
      Passed(
        hasAccepted: hasAccepted(descriptor, tcp + unix, netlink), isWaiting: isWaiting(descriptor))
    }
    survey.look(
      at: (includesRoot ? [root] : []) + tree(below: root, without: others), passed,
      (tcp + unix).filter { !passed.contains($0.inode) })
    return survey
  }

  /// Whether a connection waits in the listen queue (accept(2)): one poll(2).
  public static func isWaiting(_ descriptor: CInt) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLIN) != 0
  }

  private static func every(
    _ question: (UnsafeMutablePointer<csocketdiag_found>, Int, UnsafeMutablePointer<Int>) -> CInt
  ) -> [csocketdiag_found]? {
    for room in [64, room] {
      var count = 0
      var code: CInt = 0
      let found = [csocketdiag_found](unsafeUninitializedCapacity: room) { buffer, initialized in
        code = question(buffer.baseAddress!, room, &count)
        initialized = code == 0 ? min(count, room) : 0
      }
      guard code == 0 else { return nil }
      if count <= room { return found }
    }
    return nil
  }

  /// Whether a connection that came from this socket belongs to a file: what waits in the queue does not
  /// yet. Where that cannot be told it counts as accepted, since then nothing is said.
  private static func hasAccepted(
    _ descriptor: CInt, _ listening: [csocketdiag_found], _ netlink: CInt
  ) -> Bool {
    let inode = csocketdiag_inode(descriptor)
    guard let listener = listening.first(where: { $0.inode == inode }) else { return true }
    guard
      let connections = every({
        listener.is_unix
          ? csocketdiag_every_unix(netlink, true, $0, $1, $2)
          : csocketdiag_every_tcp(netlink, listener.port, $0, $1, $2)
      })
    else { return true }
    return connections.contains { connection in
      guard connection.inode != 0 else { return false }
      if listener.is_unix { return connection.nameBytes == listener.nameBytes }
      let any = IPEndpoint.anyV6
      let address = listener.addressBytes
      return address == any || address == IPEndpoint.anyV4 || address == connection.addressBytes
    }
  }

  private static func tree(below root: pid_t, without others: Set<pid_t>) -> [pid_t] {
    let all = ProcessTree.descendants(of: root)
    if others.isEmpty { return all }
    return all.filter { process in
      !others.contains(process)
        && !ProcessTree.ancestors(of: process).contains(where: others.contains)
    }
  }

  private mutating func look(
    at tree: [pid_t], _ passed: [UInt32], _ listening: [csocketdiag_found]
  ) {
    let wanted = passed + listening.map(\.inode)
    var told: Set<UInt32> = []
    for id in tree {
      // A program may end its first thread and go on in the others (pthread_exit(3)).
      let reader = ProcessTree.livingThread(of: id)
      var code: CInt = 0
      let found = [CInt](unsafeUninitializedCapacity: wanted.count) { buffer, initialized in
        code = csocketdiag_find(reader, wanted, buffer.baseAddress, wanted.count)
        initialized = wanted.count
      }
      guard code == 0 else {
        if !ProcessTree.hasEnded(id) { isHidden = true }
        continue
      }
      let process = Process(id)
      if first == nil { first = process }
      let watched = [Bool](unsafeUninitializedCapacity: passed.count) { buffer, initialized in
        csocketdiag_watched(reader, passed, buffer.baseAddress, passed.count)
        initialized = passed.count
      }
      for index in passed.indices {
        if found[index] >= 0 { self.passed[index].isHeld = true }
        if watched[index] { self.passed[index].isWatched = true }
      }
      for (socket, descriptor) in zip(listening, found.dropFirst(passed.count))
      where descriptor >= 0 && own.count < Self.ownLimit && told.insert(socket.inode).inserted {
        own.append(Own(place: Place(socket), process: process))
      }
    }
  }
}

extension SocketSurvey.Process {
  init(_ id: pid_t) {
    self.id = id
    name = (ProcFile.read("/proc/\(id)/comm") ?? []).text
    words = (ProcFile.read("/proc/\(id)/cmdline") ?? []).prefix(4096).split(separator: 0)
      .map(\.text)
  }
}

extension SocketSurvey.Place {
  init(_ found: csocketdiag_found) {
    self =
      found.is_unix
      ? .unix(found.nameBytes)
      : .ip(found.addressBytes, port: found.port, isV6: found.is_v6)
  }
}

extension csocketdiag_found {
  fileprivate var addressBytes: SIMD16<UInt8> {
    withUnsafeBytes(of: address) { $0.loadUnaligned(as: SIMD16<UInt8>.self) }
  }
  fileprivate var nameBytes: [UInt8] {
    withUnsafeBytes(of: name) { Array($0.prefix(Int(name_length))) }
  }
}

extension Sequence<UInt8> {
  fileprivate var text: String { String(decoding: Array(self), as: UTF8.self) }
}
