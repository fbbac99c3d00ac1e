import Glibc

/// What a descriptor that vouch received is bound to, as the kernel tells it.
public struct BoundAddress: Hashable, Sendable {
  public var kind: ListenAddress.Kind
  /// `.everywhere` never: an IPv6 socket is `.ip6`.
  public var place: ListenAddress.Place

  public init(kind: ListenAddress.Kind, place: ListenAddress.Place) {
    self.kind = kind
    self.place = place
  }

  /// Nil for what is no socket, or none that `--listen` could open.
  public init?(of descriptor: Int32) {
    switch getOption(descriptor, SOL_SOCKET, SO_TYPE) {
    case CInt(SOCK_STREAM.rawValue): kind = .stream
    case CInt(SOCK_DGRAM.rawValue): kind = .datagram
    case CInt(SOCK_SEQPACKET.rawValue): kind = .sequentialPacket
    default: return nil
    }
    // A connection has the address of the socket that it came from.
    if kind.listens, getOption(descriptor, SOL_SOCKET, SO_ACCEPTCONN) != 1 { return nil }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    guard status == 0 else { return nil }
    let family = CInt(storage.ss_family)
    let found: ListenAddress.Place? = withUnsafeBytes(of: &storage) { bytes in
      switch family {
      case AF_INET:
        let address = bytes.load(as: sockaddr_in.self)
        return .ip4(
          withUnsafeBytes(of: address.sin_addr) { Array($0) },
          port: UInt16(bigEndian: address.sin_port))
      case AF_INET6:
        let address = bytes.load(as: sockaddr_in6.self)
        return .ip6(
          withUnsafeBytes(of: address.sin6_addr) { Array($0) },
          port: UInt16(bigEndian: address.sin6_port))
      case AF_UNIX:
        let name = bytes[MemoryLayout<sa_family_t>.size..<Int(length)]
        guard let first = name.first else { return nil }
        if first == 0 { return .abstract(String(decoding: name.dropFirst(), as: UTF8.self)) }
        return .path(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
      default: return nil
      }
    }
    guard let found else { return nil }
    place = found
  }
}

extension ListenAddress {
  /// Whether a socket that is bound so is one that `--listen` of this address asks for.
  func isMet(by bound: BoundAddress) -> Bool {
    guard kind == bound.kind else { return false }
    switch (place, bound.place) {
    case (.everywhere(let port), .ip6(let bytes, let boundPort)),
      // Where there is no IPv6.
      (.everywhere(let port), .ip4(let bytes, let boundPort)):
      return port == boundPort && bytes.allSatisfy { $0 == 0 }
    default: return place == bound.place
    }
  }
}

/// The value of a socket option that is an int; nil where there is none.
func getOption(_ descriptor: Int32, _ level: CInt, _ name: CInt) -> CInt? {
  var value: CInt = 0
  var length = socklen_t(MemoryLayout<CInt>.size)
  return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
}
