import CSocketDiag
import Glibc
import NIOCore

/// What the kernel tells of the sockets of this network namespace (sock_diag(7)), over one netlink
/// socket that is opened by the first question and kept. It answers at once: there is nothing to wait
/// for on the loop.
final class SocketDiag {
  enum Trouble: Error, Hashable {
    /// vouch itself lacks descriptors or memory (rule 7).
    case shortage(String)
    /// The kernel does not answer such questions here, and will not.
    case blind(String)
  }

  /// More sockets than this on one address, or one name, are not looked at.
  private static let room = 256
  private var netlink: CInt = -1

  init() {}

  deinit {
    if netlink >= 0 { close(netlink) }
  }

  /// The listening sockets that a connection to this address may end up in.
  func listeners(at address: PeerAddress) throws(Trouble) -> [ListeningSocket] {
    switch address {
    case .ip(let socket):
      guard let target = IPEndpoint(socket) else { return [] }
      return TCPListener.reached(try listeners(port: target.port), at: target)
    case .unix(let unix): return try listeners(at: unix)
    }
  }

  /// All of a port, whatever the address.
  func listeners(port: UInt16) throws(Trouble) -> [TCPListener] {
    try several(csocketdiag_tcp()) { netlink, found, room, count in
      csocketdiag_tcp_listeners(netlink, port, found, room, count)
    }.map { found in
      TCPListener(
        socket: ListeningSocket(
          inode: found.inode, user: found.uid, queued: found.queued, backlog: found.backlog),
        address: withUnsafeBytes(of: found.address) { $0.loadUnaligned(as: SIMD16<UInt8>.self) },
        isV6: found.is_v6, isV6Only: found.is_v6_only)
    }
  }

  /// A path may be written in another way than it was bound, or have been bound anew since: what
  /// counts is the file. The kernel's number of it is not always stat(2)'s (overlayfs): then the name
  /// counts.
  private func listeners(at address: UnixAddress) throws(Trouble) -> [ListeningSocket] {
    let file = address.fileInode
    let found = try several(csocketdiag_unix()) { netlink, found, room, count in
      csocketdiag_unix_listeners(
        netlink, address.bytes, address.bytes.count, file, found, room, count)
    }
    let same = found.filter(\.is_same_file)
    return (same.isEmpty ? found : same).map {
      ListeningSocket(inode: $0.inode, user: nil, queued: $0.queued, backlog: $0.backlog)
    }
  }

  /// The server's socket of a TCP connection.
  struct ServerSide: Hashable {
    var inode: UInt32
    var user: UInt32
    /// Whether both sides may still send, or only the server.
    var isOpen: Bool
  }

  /// - Returns: nil where this network namespace does not have the server's side.
  func server(_ server: IPEndpoint, client: IPEndpoint) throws(Trouble) -> ServerSide? {
    var found = csocketdiag_tcp()
    let code = try ask { netlink in
      withUnsafeBytes(of: server.address) { serverBytes in
        withUnsafeBytes(of: client.address) { clientBytes in
          csocketdiag_tcp_server(
            netlink, client.isV6, serverBytes.baseAddress!.assumingMemoryBound(to: UInt8.self),
            server.port, clientBytes.baseAddress!.assumingMemoryBound(to: UInt8.self), client.port,
            &found)
        }
      }
    }
    if code == ENOENT { return nil }
    try check(code)
    return ServerSide(
      inode: found.inode, user: found.uid, isOpen: Self.openStates.contains(CInt(found.state)))
  }

  /// TCP_ESTABLISHED, TCP_SYN_RECV and TCP_CLOSE_WAIT of <netinet/tcp.h>: the server has not closed.
  private static let openStates: Set<CInt> = [1, 3, 8]

  /// The inode of the server's socket of a Unix connection; 0 while it was not accepted, or is closed.
  ///
  /// - Parameter client: the inode of the client's socket.
  func unixServer(client: UInt32) throws(Trouble) -> UInt32 {
    var peer: UInt32 = 0
    try check(try ask { csocketdiag_unix_peer($0, client, &peer) })
    return peer
  }

  // MARK: Asking

  private func several<Found>(
    _ empty: Found,
    _ question: (CInt, UnsafeMutablePointer<Found>, Int, UnsafeMutablePointer<Int>) -> CInt
  ) throws(Trouble) -> [Found] {
    var code: CInt = 0
    // Nearly always there is one.
    for room in [4, Self.room] {
      var count = 0
      var trouble: Trouble?
      let found = [Found](unsafeUninitializedCapacity: room) { buffer, initialized in
        buffer.initialize(repeating: empty)
        do throws(Trouble) {
          code = try ask { question($0, buffer.baseAddress!, room, &count) }
        } catch {
          trouble = error
        }
        initialized = room
      }
      if let trouble { throw trouble }
      try check(code)
      if count <= room || room == Self.room { return Array(found.prefix(min(count, room))) }
    }
    return []
  }

  private func ask(_ question: (CInt) -> CInt) throws(Trouble) -> CInt {
    if netlink < 0 {
      netlink = csocketdiag_open()
      if netlink < 0 {
        let code = -netlink
        let hint =
          code == EAFNOSUPPORT ? "; RestrictAddressFamilies= of the unit lacks AF_NETLINK" : ""
        throw Self.trouble(code, "no AF_NETLINK socket: \(words(for: code))\(hint)")
      }
    }
    return question(netlink)
  }

  private func check(_ code: CInt) throws(Trouble) {
    if code == 0 { return }
    // Whatever it is in, a fresh one is in order.
    close(netlink)
    netlink = -1
    throw Self.trouble(code, "the kernel tells nothing of sockets: \(words(for: code))")
  }

  private static func trouble(_ code: CInt, _ text: String) -> Trouble {
    isOwnTrouble(code) ? .shortage(text) : .blind(text)
  }
}

extension UnixAddress {
  /// The inode of the file; 0 for an abstract name, and where there is no file.
  fileprivate var fileInode: UInt64 {
    guard bytes.first != 0 else { return 0 }
    var status = stat()
    return (bytes + [0]).withUnsafeBytes { path in
      stat(path.baseAddress!.assumingMemoryBound(to: CChar.self), &status) == 0
        ? UInt64(status.st_ino) : 0
    }
  }
}
