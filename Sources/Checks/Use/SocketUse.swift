import CSocketDiag
import Glibc

/// Whether anybody uses a set of sockets that others accept from: what is open, what waits, and what
/// comes. It belongs to the loop's thread; nothing of it blocks.
///
/// A look asks the kernel for the open connections (sock_diag(7)), whose number does not matter: the
/// first one of somebody else's ends it. Between looks each arrival is told by a signal, since a
/// connection may come and go and leave no trace; datagrams are known by that alone.
public final class SocketUse {
  public enum Verdict: Hashable {
    case quiet, used
    case unknown(String)
  }

  private let sockets: [(descriptor: CInt, place: csocketdiag_place)]
  private let own: OwnConnections
  private let signal: CInt
  private var isArmed = false

  /// - Parameters:
  ///   - sockets: listening TCP and Unix sockets, and datagram sockets.
  ///   - signal: what tells of arrivals; blocked in this process.
  /// - Throws: `SpecError` where one is of another kind, or cannot be seen from here.
  public init(
    _ sockets: [(descriptor: CInt, name: String)], own: OwnConnections, signal: CInt
  ) throws(SpecError) {
    self.own = own
    self.signal = signal
    var all: [(CInt, csocketdiag_place)] = []
    for socket in sockets {
      var place = csocketdiag_place()
      csocketdiag_place(socket.descriptor, &place)
      guard place.kind != CSOCKETDIAG_OTHER else {
        if Self.isConnection(socket.descriptor) {
          throw SpecError(
            "the passed descriptor \(quoted(socket.name)) is a single connection, and the service ends "
              + "with it anyway: Accept=no would pass the listening socket")
        }
        throw SpecError(
          "the use of the passed descriptor \(quoted(socket.name)) cannot be told: it is no listening "
            + "TCP or Unix socket and no datagram socket")
      }
      if let reason = Self.whyUnseen(place) {
        throw SpecError(
          "connections to the passed socket \(quoted(socket.name)) cannot be seen: \(reason)")
      }
      all.append((socket.descriptor, place))
    }
    self.sockets = all
  }

  private static func isConnection(_ descriptor: CInt) -> Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    } == 0
  }

  /// A socket of another network namespace (PrivateNetwork=, JoinsNamespaceOf=) would always look
  /// unused.
  private static func whyUnseen(_ place: csocketdiag_place) -> String? {
    switch place.kind {
    case CSOCKETDIAG_TCP4, CSOCKETDIAG_TCP6:
      do throws(SocketDiag.Trouble) {
        let found = try SocketDiag().listeners(port: place.end.port)
        if found.contains(where: { $0.socket.inode == place.inode }) { return nil }
      } catch {
        switch error {
        case .shortage(let text), .blind(let text): return text
        }
      }
    case CSOCKETDIAG_UNIX:
      let code = csocketdiag_unix_is_here(place.inode)
      if code == 0 { return nil }
      if code != ENOENT { return "the kernel tells nothing of sockets: \(words(for: code))" }
    default: return nil
    }
    return "it is of another network namespace (PrivateNetwork=)"
  }

  /// Whether anybody else's connection is open or waits, or a datagram waits.
  public func look() -> Verdict {
    let open = own.open.values.map(csocketdiag_end.init)
    let closed = own.closed.map(csocketdiag_end.init)
    let inodes = Array(own.unix.values)
    return open.withUnsafeBufferPointer { open in
      closed.withUnsafeBufferPointer { closed in
        inodes.withUnsafeBufferPointer { inodes in
          own.unixServers.withUnsafeBufferPointer { servers in
            look(
              csocketdiag_own(
                open: open.baseAddress, open_count: open.count, closed: closed.baseAddress,
                closed_count: closed.count, inodes: inodes.baseAddress, inode_count: inodes.count,
                servers: servers.baseAddress, server_count: servers.count))
          }
        }
      }
    }
  }

  private func look(_ own: csocketdiag_own) -> Verdict {
    var own = own
    for var socket in sockets {
      if socket.place.kind == CSOCKETDIAG_DATAGRAM {
        if csocketdiag_waits(socket.descriptor) { return .used }
        continue
      }
      var isUsed = false
      let code = csocketdiag_is_used(&socket.place, &own, &isUsed)
      if isUsed { return .used }
      if code != 0 { return .unknown("the kernel tells nothing of sockets: \(words(for: code))") }
    }
    return .quiet
  }

  /// Has the signal sent for what comes from now on.
  ///
  /// - Returns: false where that was so before, and something has undone it since: then what came
  ///   meanwhile is not known.
  public func arm() -> Bool {
    let wasKept = !isArmed || sockets.allSatisfy { csocketdiag_is_armed($0.descriptor) }
    let codes = sockets.map { csocketdiag_arm($0.descriptor, signal) }
    isArmed = true
    return wasKept && codes.allSatisfy { $0 == 0 }
  }

  /// Until it is armed again, nothing that comes is told.
  public func disarm() {
    guard isArmed else { return }
    isArmed = false
    for socket in sockets { csocketdiag_disarm(socket.descriptor) }
  }

  /// Whether something has come of which the signal was not taken yet.
  public var hasArrival: Bool { csocketdiag_is_pending(signal) }
}
