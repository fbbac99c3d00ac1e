import Glibc

/// An option of sockets that a program may set before bind(2), and that then holds for the passed
/// socket in its place.
///
/// Not in the list, on purpose: what decides who may bind beside it (SO_REUSEADDR, SO_REUSEPORT), where
/// it is bound (SO_BINDTODEVICE, IP_FREEBIND, IPV6_V6ONLY), and TCP_QUICKACK, which is a state of one
/// connection. Filters (SO_ATTACH_FILTER) and multicast groups cannot be read off a socket.
struct SocketOption: Hashable, Sendable {
  var level: CInt
  var name: CInt
  /// The kernel tells twice what it was told (SO_RCVBUF, socket(7)).
  var isDoubled = false

  /// All that are tried; those of another family or type fail, and are left alone.
  static let all: [SocketOption] =
    [
      SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_PRIORITY, SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVLOWAT,
      SO_BROADCAST, SO_DONTROUTE, SO_MARK, SO_TIMESTAMP, SO_PASSCRED,
    ].map { SocketOption(level: SOL_SOCKET, name: $0) }
    + [SO_RCVBUF, SO_SNDBUF].map {
      SocketOption(level: SOL_SOCKET, name: $0, isDoubled: true)
    }
    + [
      TCP_NODELAY, TCP_MAXSEG, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2,
      TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_CONGESTION, TCP_USER_TIMEOUT, TCP_FASTOPEN,
      tcpNotsentLowat,
    ].map { SocketOption(level: CInt(IPPROTO_TCP), name: $0) }
    + [
      IP_TOS, IP_TTL, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_RECVERR, IP_MTU_DISCOVER,
      IP_MULTICAST_TTL, IP_MULTICAST_LOOP, ipRecvOriginalAddress,
    ].map { SocketOption(level: CInt(IPPROTO_IP), name: $0) }
    + [
      IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_RECVHOPLIMIT,
      IPV6_RECVERR, IPV6_MTU_DISCOVER, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP,
    ].map { SocketOption(level: CInt(IPPROTO_IPV6), name: $0) }

  // Numbers of the kernel's own headers, which not every C library has.
  private static let tcpNotsentLowat: CInt = 25
  private static let ipRecvOriginalAddress: CInt = 20

  /// What an option says, as the kernel writes it; nil where the socket has no such option.
  func read(_ descriptor: CInt) -> [UInt8]? {
    // TCP_CONGESTION's name is the longest (TCP_CA_NAME_MAX).
    var length = socklen_t(16)
    let bytes = [UInt8](unsafeUninitializedCapacity: 16) { buffer, initialized in
      let status = getsockopt(descriptor, level, name, buffer.baseAddress, &length)
      initialized = status == 0 ? Int(length) : 0
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// - Returns: whether the kernel took it.
  @discardableResult
  func write(_ value: [UInt8], _ descriptor: CInt) -> Bool {
    setsockopt(
      descriptor, level, name, isDoubled ? Self.half(value) : value, socklen_t(value.count))
      == 0
  }

  private static func half(_ value: [UInt8]) -> [UInt8] {
    guard value.count == MemoryLayout<CInt>.size else { return value }
    let number = value.withUnsafeBytes { $0.loadUnaligned(as: CInt.self) }
    return withUnsafeBytes(of: number / 2) { Array($0) }
  }
}

/// The values of all options of a socket, those that it does not have left out.
typealias OptionValues = [SocketOption: [UInt8]]

extension OptionValues {
  init(of descriptor: CInt) {
    self.init()
    for option in SocketOption.all { self[option] = option.read(descriptor) }
  }

  /// What to set on a passed socket that takes the place of a program's own: what the program has set
  /// on its socket, that is what differs from a fresh one, and the rest as the passed socket came, where
  /// a former generation has changed it.
  ///
  /// - Parameters:
  ///   - theirs: the program's socket.
  ///   - fresh: one of the same kind that nobody has touched.
  ///   - handed: the passed socket when vouch got it; nil where the rest is to stay as it is.
  ///   - current: the passed socket now.
  static func carried(
    theirs: OptionValues, fresh: OptionValues, handed: OptionValues?, current: OptionValues
  ) -> OptionValues {
    var settings: OptionValues = [:]
    for (option, now) in current {
      let wanted =
        theirs[option] != nil && theirs[option] != fresh[option] ? theirs[option] : handed?[option]
      if let wanted, wanted != now { settings[option] = wanted }
    }
    return settings
  }
}
