import Glibc

/// A socket address as bind(2) takes it.
struct SocketName {
  private var storage = sockaddr_storage()
  private var length: socklen_t = 0

  var family: CInt { CInt(storage.ss_family) }

  /// 0.0.0.0
  init(ip4 bytes: [UInt8], port: UInt16) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
    store(address, MemoryLayout<sockaddr_in>.size)
  }

  init(ip6 bytes: [UInt8], port: UInt16) {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
    store(address, MemoryLayout<sockaddr_in6>.size)
  }

  /// - Parameter name: as in sun_path (unix(7)): a path, or NUL and an abstract name; at most 108 bytes.
  init(unix name: [UInt8]) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // A path ends with its NUL; an abstract name has no end of its own.
    let offset = MemoryLayout<sa_family_t>.size
    store(
      address,
      min(MemoryLayout<sockaddr_un>.size, offset + name.count + (name.first == 0 ? 0 : 1)))
  }

  private mutating func store<Address>(_ address: Address, _ size: Int) {
    withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: Address.self) }
    length = socklen_t(size)
  }

  /// - Returns: what the call returns.
  func with(_ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
    }
  }
}

extension ListenAddress.Place {
  /// The addresses to try, one after the other where one is not to be had.
  var names: [SocketName] {
    switch self {
    case .everywhere(let port):
      [
        SocketName(ip6: Array(repeating: 0, count: 16), port: port),
        SocketName(ip4: Array(repeating: 0, count: 4), port: port),
      ]
    case .ip4(let bytes, let port): [SocketName(ip4: bytes, port: port)]
    case .ip6(let bytes, let port): [SocketName(ip6: bytes, port: port)]
    case .path(let path): [SocketName(unix: Array(path.utf8))]
    case .abstract(let name): [SocketName(unix: [0] + Array(name.utf8))]
    }
  }
}

extension ListenAddress.Kind {
  var type: CInt {
    switch self {
    case .stream: CInt(SOCK_STREAM.rawValue)
    case .datagram: CInt(SOCK_DGRAM.rawValue)
    case .sequentialPacket: CInt(SOCK_SEQPACKET.rawValue)
    }
  }
}
