import Glibc

extension UnixAddress {
  /// A connected stream socket, non-blocking and close-on-exec, or the errno of what failed.
  ///
  /// connect(2) on a Unix socket never waits: where it would, for a place in the listen queue, it
  /// fails with EAGAIN, and no readiness tells when to try again.
  func connect() -> Result<CInt, ConnectError> {
    let type =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return .failure(ConnectError(code: errno)) }

    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    precondition(bytes.count <= MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let isPath = bytes.first != 0
    let room = MemoryLayout<sockaddr_un>.size
    let length = min(room, MemoryLayout<sa_family_t>.size + bytes.count + (isPath ? 1 : 0))

    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(length))
      }
    }
    if status == 0 { return .success(descriptor) }
    let error = ConnectError(code: errno)
    close(descriptor)
    return .failure(error)
  }
}

/// Why connect(2) or socket(2) failed.
struct ConnectError: Error {
  var code: CInt
}
