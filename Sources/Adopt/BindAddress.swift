import Glibc
import SocketNames

/// An address as bind(2) is given it, or as getsockname(2) tells it.
public enum BindAddress: Hashable, Sendable {
  /// As a number, and in host order: 127.0.0.1 is 0x7F000001.
  case ip4(UInt32, port: UInt16)
  /// The address's halves as numbers; `scope` is the interface of a link-local one, or 0.
  case ip6(high: UInt64, low: UInt64, scope: UInt32, port: UInt16)
  /// A Unix socket's path, without the NUL at its end.
  case path([UInt8])
  /// A Unix socket's name in the abstract namespace, without the NUL in front.
  case abstract([UInt8])
  /// Nothing that could be passed: another family, or a Unix socket that gets a name by itself.
  case other(family: Int32)

  /// - Parameter bytes: a `struct sockaddr` of whatever family.
  /// - Returns: nil for what bind(2) refuses as too short.
  public init?(_ bytes: some RandomAccessCollection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count >= 2 else { return nil }
    let family = Int32(bytes.withUnsafeBytes { $0.loadUnaligned(as: sa_family_t.self) })
    func number<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
      bytes.withUnsafeBytes {
        Value(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
      }
    }
    switch family {
    // The kernel takes a wildcard without a family for one of IPv4 (__inet_bind of net/ipv4/af_inet.c).
    case AF_UNSPEC
    where bytes.count >= MemoryLayout<sockaddr_in>.size && number(UInt32.self, at: 4) == 0:
      self = .ip4(0, port: number(UInt16.self, at: 2))
    case AF_INET:
      guard bytes.count >= MemoryLayout<sockaddr_in>.size else { return nil }
      self = .ip4(number(UInt32.self, at: 4), port: number(UInt16.self, at: 2))
    case AF_INET6:
      // The scope may be missing: SIN6_LEN_RFC2133 of the kernel.
      guard bytes.count >= 24 else { return nil }
      let scope = bytes.count >= 28 ? number(UInt32.self, at: 24).byteSwapped : 0
      self = .ip6(
        high: number(UInt64.self, at: 8), low: number(UInt64.self, at: 16), scope: scope,
        port: number(UInt16.self, at: 2))
    case AF_UNIX:
      let name = bytes.dropFirst(2)
      switch name.first {
      case nil: self = .other(family: family)
      case 0: self = .abstract(Array(name.dropFirst()))
      default: self = .path(Array(name.prefix { $0 != 0 }))
      }
    default: self = .other(family: family)
    }
  }

  /// The address that a socket is bound to; nil for what is no socket.
  init?(of descriptor: CInt) {
    guard let name = SocketName(of: descriptor) else { return nil }
    self.init(name.bytes)
  }

  /// Whether a socket's family takes it.
  func isOfFamily(of socket: CInt) -> Bool {
    let domain = socketOption(socket, SOL_SOCKET, SO_DOMAIN)
    return switch self {
    case .ip4: domain == AF_INET
    case .ip6: domain == AF_INET6
    case .path, .abstract: domain == AF_UNIX
    case .other: false
    }
  }

  /// Whether a socket has an address, so that bind(2) fails with EINVAL.
  static func isBound(_ socket: CInt) -> Bool {
    switch BindAddress(of: socket) {
    case .ip4(_, let port), .ip6(_, _, _, let port): port != 0
    case .path, .abstract: true
    case .other, nil: false
    }
  }

  /// The port of an IP address.
  var port: UInt16? {
    switch self {
    case .ip4(_, let port), .ip6(_, _, _, let port): port
    case .path, .abstract, .other: nil
    }
  }

  /// An IPv4 address that is written as one of IPv6 (RFC 4291, 2.5.5.2), as Java does it, in its own
  /// form; any other as it is.
  var unmapped: BindAddress {
    guard case .ip6(0, let low, _, let port) = self, low >> 32 == 0xFFFF else { return self }
    return .ip4(UInt32(truncatingIfNeeded: low), port: port)
  }

  /// Whether it stands for every address of its family.
  var isWildcard: Bool {
    switch self {
    case .ip4(0, _), .ip6(0, 0, _, _): true
    default: false
    }
  }
}

extension BindAddress: CustomStringConvertible {
  /// HOST:PORT with brackets around an IPv6 address; a path; @NAME.
  public var description: String {
    switch self {
    case .ip4(let address, let port):
      let parts = [24, 16, 8, 0].map { String(address >> $0 & 0xFF) }
      return parts.joined(separator: ".") + ":\(port)"
    case .ip6(let high, let low, let scope, let port):
      return "[\(Self.text(high, low))\(scope == 0 ? "" : "%\(scope)")]:\(port)"
    case .path(let path): return OneLine.of(String(decoding: path, as: UTF8.self))
    case .abstract(let name): return "@" + OneLine.of(String(decoding: name, as: UTF8.self))
    case .other(let family): return "an address of family \(family)"
    }
  }

  private static func text(_ high: UInt64, _ low: UInt64) -> String {
    var address = (high.bigEndian, low.bigEndian)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) {
      guard inet_ntop(AF_INET6, &address, $0.baseAddress, socklen_t($0.count)) != nil,
        let text = $0.baseAddress
      else { return "?" }
      return String(cString: text)
    }
  }
}
