import Glibc

/// A socket address as the kernel takes and gives it: a `struct sockaddr` of whatever family, and how
/// much of it counts. What it means to each room is theirs to say.
public struct SocketName: Sendable {
  private var storage = sockaddr_storage()
  private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  /// What a socket is bound to (getsockname(2)). Takes no memory, so that it may be asked between fork
  /// and exec.
  ///
  /// - Returns: nil with errno set for what is no socket, or not open.
  public init?(of descriptor: CInt) {
    let status = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    if status != 0 { return nil }
  }

  /// - Parameter bytes: 4, in network order.
  public init(ip4 bytes: [UInt8], port: UInt16) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
    store(address, MemoryLayout<sockaddr_in>.size)
  }

  /// - Parameter bytes: 16, in network order.
  public init(ip6 bytes: [UInt8], port: UInt16) {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
    store(address, MemoryLayout<sockaddr_in6>.size)
  }

  /// - Parameter name: as in sun_path (unix(7)): a path, or NUL and an abstract name; at most 108 bytes.
  public init(unix name: [UInt8]) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // A path ends with its NUL; an abstract name has no end of its own.
    store(
      address,
      min(
        MemoryLayout<sockaddr_un>.size,
        Self.familySize + name.count + (name.first == 0 ? 0 : 1)))
  }

  private mutating func store<Address>(_ address: Address, _ size: Int) {
    withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: Address.self) }
    length = socklen_t(size)
  }

  private static let familySize = MemoryLayout<sa_family_t>.size

  /// AF_INET and the like.
  public var family: CInt { CInt(storage.ss_family) }

  /// Nil for another family.
  public var ip4: sockaddr_in? { family == AF_INET ? load() : nil }

  /// Nil for another family.
  public var ip6: sockaddr_in6? { family == AF_INET6 ? load() : nil }

  private func load<Address>() -> Address {
    withUnsafeBytes(of: storage) { $0.load(as: Address.self) }
  }

  /// A Unix socket's name: a path without its NUL, a NUL and an abstract name, or nothing where it has
  /// none. Nil for another family.
  public var unix: [UInt8]? {
    guard family == AF_UNIX else { return nil }
    let name = bytes.dropFirst(Self.familySize)
    return name.first == 0 ? Array(name) : Array(name.prefix { $0 != 0 })
  }

  /// All that counts, the family in front.
  public var bytes: [UInt8] {
    withUnsafeBytes(of: storage) { Array($0.prefix(Int(length))) }
  }

  /// Gives it to a call such as bind(2).
  ///
  /// - Returns: what the call returns.
  public func with<Result>(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
    }
  }
}

/// The value of a socket option that is an int; nil where there is none (getsockopt(2)).
public func socketOption(_ descriptor: CInt, _ level: CInt, _ name: CInt) -> CInt? {
  var value: CInt = 0
  var length = socklen_t(MemoryLayout<CInt>.size)
  return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
}
