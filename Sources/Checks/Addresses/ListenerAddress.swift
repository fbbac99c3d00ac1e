import Glibc
import NIOCore
import SocketNames

/// A listening stream socket that vouch was passed, as far as a probe needs to know it.
public struct ListenerAddress: Sendable, Hashable {
  /// As in LISTEN_FDNAMES; several may have the same.
  public let name: String
  let place: Place
  /// The listening socket itself, which belongs to vouch.
  let descriptor: CInt

  enum Place: Hashable {
    /// An IPv6 wildcard socket takes IPv4 connections too unless IPV6_V6ONLY is set (ipv6(7)).
    case ip(SocketAddress, v6Only: Bool)
    case unix(UnixAddress)
  }

  /// Reads the address off a descriptor, which is left as it is.
  ///
  /// - Returns: nil for whatever no probe can connect to: a socket that does not listen, or is no
  ///   stream socket over IPv4, IPv6 or Unix; a FIFO; no descriptor at all.
  public init?(name: String, descriptor: CInt) {
    guard
      socketOption(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1,
      socketOption(descriptor, SOL_SOCKET, SO_TYPE) == CInt(SOCK_STREAM.rawValue)
    else { return nil }

    guard let bound = SocketName(of: descriptor) else { return nil }
    if let address = bound.ip4 {
      place = .ip(SocketAddress(address), v6Only: false)
    } else if let address = bound.ip6 {
      let v6Only = socketOption(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY) == 1
      place = .ip(SocketAddress(address), v6Only: v6Only)
    } else if let unix = bound.unix, !unix.isEmpty {
      place = .unix(UnixAddress(bytes: unix))
    } else {
      // Another family, or without a name: bound to nothing that could be connected to.
      return nil
    }
    self.name = name
    self.descriptor = descriptor
  }

  /// Where to connect to reach it: a wildcard is reached over loopback.
  var peers: [PeerAddress] {
    switch place {
    case .unix(let address): return [.unix(address)]
    case .ip(let address, let v6Only):
      let port = address.port ?? 0
      switch address {
      case .v4(let v4) where v4.address.sin_addr.s_addr == 0:
        return [.loopback4(port)]
      case .v6(let v6) where withUnsafeBytes(of: v6.address.sin6_addr) { $0.allSatisfy { $0 == 0 } }:
        return v6Only ? [.loopback6(port)] : [.loopback6(port), .loopback4(port)]
      default:
        return [.ip(address)]
      }
    }
  }
}

extension PeerAddress {
  /// 127.0.0.1
  static func loopback4(_ port: Int) -> PeerAddress {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return .ip(SocketAddress(address))
  }

  /// ::1
  static func loopback6(_ port: Int) -> PeerAddress {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = in_port_t(port).bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { $0[15] = 1 }
    return .ip(SocketAddress(address))
  }
}
