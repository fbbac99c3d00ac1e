import Glibc
import SocketNames

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
    switch socketOption(descriptor, SOL_SOCKET, SO_TYPE) {
    case CInt(SOCK_STREAM.rawValue): kind = .stream
    case CInt(SOCK_DGRAM.rawValue): kind = .datagram
    case CInt(SOCK_SEQPACKET.rawValue): kind = .sequentialPacket
    default: return nil
    }
    // A connection has the address of the socket that it came from.
    if kind.listens, socketOption(descriptor, SOL_SOCKET, SO_ACCEPTCONN) != 1 { return nil }
    guard let name = SocketName(of: descriptor) else { return nil }
    if let address = name.ip4 {
      place = .ip4(
        withUnsafeBytes(of: address.sin_addr) { Array($0) },
        port: UInt16(bigEndian: address.sin_port))
    } else if let address = name.ip6 {
      place = .ip6(
        withUnsafeBytes(of: address.sin6_addr) { Array($0) },
        port: UInt16(bigEndian: address.sin6_port))
    } else if let unix = name.unix, let first = unix.first {
      place =
        first == 0
        ? .abstract(String(decoding: unix.dropFirst(), as: UTF8.self))
        : .path(String(decoding: unix, as: UTF8.self))
    } else {
      return nil
    }
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
