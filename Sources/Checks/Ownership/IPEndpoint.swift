import NIOCore

/// One end of a TCP connection, or where a socket listens.
struct IPEndpoint: Hashable {
  /// As in IPv6: an IPv4 address is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
  var address: SIMD16<UInt8>
  var port: UInt16
  /// Whether the socket is one of AF_INET6, which may hold an IPv4 address all the same.
  var isV6: Bool

  static let anyV4 = SIMD16<UInt8>(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0)
  static let anyV6 = SIMD16<UInt8>(repeating: 0)
  static let loopbackV4 = SIMD16<UInt8>(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1)
  static let loopbackV6 = SIMD16<UInt8>(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

  /// Nil for a Unix address. Connecting to a wildcard address is connecting to loopback (ip(7)).
  init?(_ socket: SocketAddress) {
    var address = Self.anyV4
    switch socket {
    case .v4(let v4):
      withUnsafeBytes(of: v4.address.sin_addr) { for i in 0..<4 { address[12 + i] = $0[i] } }
      isV6 = false
    case .v6(let v6):
      withUnsafeBytes(of: v6.address.sin6_addr) { for i in 0..<16 { address[i] = $0[i] } }
      isV6 = true
    case .unixDomainSocket: return nil
    }
    port = UInt16(truncatingIfNeeded: socket.port ?? 0)
    if address == Self.anyV4 { address = Self.loopbackV4 }
    if address == Self.anyV6 { address = Self.loopbackV6 }
    self.address = address
  }

  var isV4Address: Bool {
    (0..<10).allSatisfy { address[$0] == 0 } && address[10] == 0xFF && address[11] == 0xFF
  }

  /// 127.0.0.0/8 and ::1.
  var isLoopback: Bool {
    isV4Address ? address[12] == 127 : address == Self.loopbackV6
  }
}
