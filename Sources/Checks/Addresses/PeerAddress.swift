import NIOCore

/// One address to connect to.
enum PeerAddress: Sendable, Hashable {
  case ip(SocketAddress)
  case unix(UnixAddress)
}

/// The address of a Unix stream socket as the kernel knows it (unix(7)): a path without its NUL, or
/// an abstract name behind a leading NUL. NIO's `SocketAddress` keeps no length, and without it an
/// abstract name cannot be told from the same one with NULs behind it.
struct UnixAddress: Sendable, Hashable {
  /// 1 to 108 bytes.
  let bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  init(path: String) {
    bytes = Array(path.utf8)
  }

  init(abstract name: String) {
    bytes = [0] + Array(name.utf8)
  }
}
