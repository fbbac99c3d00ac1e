import CSocketDiag
import Glibc
import NIOCore
import SocketNames

/// One connection of a seek, on which nothing was sent yet.
struct SeekLine {
  enum Side: Hashable {
    /// The handshake goes on.
    case connecting
    /// In the listen queue.
    case waiting
    case accepted(UInt32, user: UInt32?)
    /// Closed by the server, whichever it was.
    case gone
    /// The server's side is on another machine, or in another network namespace.
    case elsewhere
    case failed(CInt)
  }

  let descriptor: CInt
  private let address: PeerAddress
  private let since = NIODeadline.now()
  private let unixClient: UInt32
  /// Whether the first byte was sent.
  private(set) var isOpened = false

  /// Begins to connect, and never waits.
  init(to address: PeerAddress) throws(ConnectError) {
    self.address = address
    switch address {
    case .unix(let unix):
      descriptor = try unix.connect().get()
      unixClient = csocketdiag_inode(descriptor)
    case .ip(let ip):
      let type =
        CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
      let family: CInt = if case .v6 = ip { AF_INET6 } else { AF_INET }
      descriptor = socket(family, type, 0)
      unixClient = 0
      guard descriptor >= 0 else { throw ConnectError(code: errno) }
      let status = ip.withSockAddr { Glibc.connect(descriptor, $0, socklen_t($1)) }
      if status == 0 || errno == EINPROGRESS || errno == EINTR { return }
      let error = ConnectError(code: errno)
      Glibc.close(descriptor)
      throw error
    }
  }

  func close() { Glibc.close(descriptor) }

  func side(_ diag: SocketDiag) throws(SocketDiag.Trouble) -> Side {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    if poll(&entry, 1, 0) == 0 { return .connecting }
    if entry.revents & Int16(POLLERR | POLLHUP) != 0 {
      var code: CInt = 0
      var length = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
      return code == 0 ? .gone : .failed(code)
    }
    guard case .ip(let ip) = address, let server = IPEndpoint(ip) else {
      let inode = try diag.unixServer(client: unixClient)
      return inode == 0 ? .waiting : .accepted(inode, user: nil)
    }
    guard let own = localAddress, let client = IPEndpoint(own) else { return .gone }
    // Connected with itself: nobody listens there.
    if client == server { return .failed(ECONNREFUSED) }
    guard let found = try diag.server(server, client: client) else {
      return server.isLoopback ? .gone : .elsewhere
    }
    if !found.isOpen { return .gone }
    return found.inode == 0 ? .waiting : .accepted(found.inode, user: found.user)
  }

  /// Sends the first byte of what is to be sent: a socket with TCP_DEFER_ACCEPT gives a connection to
  /// its server only once there is data (tcp(7)).
  mutating func open(with byte: UInt8) {
    if isOpened { return }
    isOpened = withUnsafeBytes(of: byte) {
      send(descriptor, $0.baseAddress, 1, CInt(MSG_NOSIGNAL)) == 1
    }
  }

  var age: TimeAmount { NIODeadline.now() - since }

  private var localAddress: SocketAddress? {
    guard let name = SocketName(of: descriptor) else { return nil }
    return name.ip4.map { SocketAddress($0) } ?? name.ip6.map { SocketAddress($0) }
  }
}
