import Glibc
import SocketNames

/// What a process asks of bind(2): the address, and the socket that is to have it.
public struct BindWish: Hashable, Sendable {
  public var address: BindAddress
  /// SOCK_STREAM, SOCK_DGRAM, …
  public var type: Int32
  /// IPPROTO_TCP, …; 0 for Unix sockets.
  public var proto: Int32
  /// Of an IPv6 socket: takes no IPv4 connection (IPV6_V6ONLY, ipv6(7)).
  public var isV6Only: Bool

  public init(address: BindAddress, type: Int32, proto: Int32, isV6Only: Bool = false) {
    self.address = address
    self.type = type
    self.proto = proto
    self.isV6Only = isV6Only
  }

  /// Reads the kind of a socket.
  ///
  /// - Returns: nil for what is no socket.
  init?(_ address: BindAddress, socket: CInt) {
    guard let type = socketOption(socket, SOL_SOCKET, SO_TYPE),
      let proto = socketOption(socket, SOL_SOCKET, SO_PROTOCOL)
    else { return nil }
    self.init(
      address: address, type: type, proto: proto,
      isV6Only: socketOption(socket, CInt(IPPROTO_IPV6), IPV6_V6ONLY) == 1)
  }

  /// Whether one can stand in for the other but for the address. Go asks for MPTCP where there is any,
  /// and falls back to TCP by itself.
  fileprivate func isOfSameKind(_ other: BindWish) -> Bool {
    type == other.type && Self.plain(proto) == Self.plain(other.proto)
  }

  /// IPPROTO_MPTCP, which Debian 12's headers lack in places.
  private static let mptcp: Int32 = 262

  private static func plain(_ proto: Int32) -> Int32 {
    proto == mptcp ? Int32(IPPROTO_TCP) : proto
  }
}

/// What becomes of a bind(2).
public enum BindDecision: Hashable, Sendable {
  /// The socket of this index takes the place of the program's own.
  case adopt(Int)
  /// It is none of ours.
  case letGo
  /// It must not have the socket of this index, and cannot have the address beside it: why, and what
  /// would be right.
  case refuse(Int, reason: String)
}

extension BindDecision {
  /// Decides which of the passed sockets a bind gets.
  ///
  /// The passed sockets say what the administrator wants to be reachable, so one may stand in for an
  /// address that comprises it, as 127.0.0.1 for 0.0.0.0: the kernel would refuse the bind beside it.
  /// It never makes a program reachable where it did not ask to be, but that an IPv6 wildcard for both
  /// families stands in for one of IPv6 alone: it is the same address, and the unit's wish.
  ///
  /// - Parameters:
  ///   - sockets: the passed ones, with the addresses that they are bound to.
  ///   - taken: the indices of those that the program has already.
  ///   - options: what the administrator has chosen.
  public static func decide(
    _ wish: BindWish, among sockets: [BindWish], taken: Set<Int> = [],
    _ options: AdoptOptions = AdoptOptions()
  ) -> BindDecision {
    var best: (rank: Int, index: Int)?
    var refusal: BindDecision?
    for (index, socket) in sockets.enumerated() where socket.isOfSameKind(wish) {
      switch Fit(wish, socket).answerable(wish, socket) {
      case .none: break
      case .wider where options.allowsWider:
        if best == nil { best = (.max, index) }
      case .wider(let reason):
        if refusal == nil { refusal = .refuse(index, reason: reason) }
      case .good(let rank):
        // Of equals the one that is free.
        let rank = 2 * rank + (taken.contains(index) ? 1 : 0)
        if best == nil || rank < best!.rank { best = (rank, index) }
      }
    }
    if let best { return .adopt(best.index) }
    return refusal ?? .letGo
  }

  /// Whether any of the sockets may have to do with an address, so that more has to be known.
  static func concerns(_ address: BindAddress, _ sockets: [BindWish]) -> Bool {
    let address = address.unmapped
    guard let port = address.port else { return sockets.contains { $0.address == address } }
    return port != 0 && sockets.contains { $0.address.port == port }
  }
}

/// How well a passed socket meets a wish, their kinds being the same.
private enum Fit {
  case none
  /// 0 is best.
  case good(Int)
  /// It is reachable from more places than was asked for, or by other families: what would be right.
  case wider(String)

  init(_ wish: BindWish, _ passed: BindWish) {
    let wanted = wish.address.unmapped
    let given = passed.address.unmapped
    switch (wanted, given) {
    case (.path, .path), (.abstract, .abstract):
      self = wanted == given ? .good(0) : .none
    case (.ip4(let wantedHost, let wantedPort), .ip4(let givenHost, let givenPort))
    where wantedPort == givenPort && wantedPort != 0:
      if wantedHost == givenHost {
        self = .good(0)
      } else if wantedHost == 0 {
        self = .good(3)
      } else {
        self = givenHost == 0 ? .wider(Self.tooWide(wanted, given)) : .none
      }
    case (.ip6, .ip6) where wanted.port == given.port && wanted.port != 0:
      self = Self.ip6(wish, passed, wanted, given)
    case (.ip6, .ip4) where wanted.port == given.port && wanted.port != 0:
      // A wildcard for both families.
      let comprises = wanted.isWildcard && !wish.isV6Only
      self = comprises ? .good(given.isWildcard ? 2 : 3) : .none
    case (.ip4, .ip6) where wanted.port == given.port && wanted.port != 0:
      // Its connections would have IPv6 addresses: nginx accepts and drops them.
      self =
        given.isWildcard && !passed.isV6Only ? .wider(Self.wrongFamily(wanted, given)) : .none
    default: self = .none
    }
  }

  /// Connections that are accepted have their own addresses, but each datagram is answered to one that
  /// the program writes: one of IPv6 for an IPv6 socket of its own, as Go, Java and node do it, which a
  /// passed one of IPv4 does not take.
  func answerable(_ wish: BindWish, _ passed: BindWish) -> Fit {
    guard case .good = self, wish.type == CInt(SOCK_DGRAM.rawValue), case .ip6 = wish.address,
      case .ip4 = passed.address
    else { return self }
    return .wider(
      "the passed socket is \(passed.address) for IPv4, and the program asked with an IPv6 socket "
        + "(\(wish.address)), with which it could not answer IPv4 datagrams on it: pass "
        + "[::]:\(passed.address.port ?? 0) (ListenDatagram= or --listen udp:), or tell the program to "
        + "use IPv4, or allow it (--pass \"adopt wider=yes\")")
  }

  private static func ip6(
    _ wish: BindWish, _ passed: BindWish, _ wanted: BindAddress, _ given: BindAddress
  ) -> Fit {
    guard case .ip6(let wantedHigh, let wantedLow, let wantedScope, _) = wanted,
      case .ip6(let givenHigh, let givenLow, let givenScope, _) = given
    else { return .none }
    if (wantedHigh, wantedLow) == (givenHigh, givenLow) {
      // Without a scope it is the one that SO_BINDTODEVICE says.
      let isSameScope = wantedScope == givenScope || wantedScope == 0 || givenScope == 0
      guard isSameScope else { return .none }
      return .good(given.isWildcard && wish.isV6Only != passed.isV6Only ? 1 : 0)
    }
    if wanted.isWildcard { return .good(3) }
    return given.isWildcard ? .wider(tooWide(wanted, given)) : .none
  }

  private static func tooWide(_ wanted: BindAddress, _ given: BindAddress) -> String {
    "the passed socket is \(given), which is reachable from more places than \(wanted), which the "
      + "program asked for: pass \(wanted) (ListenStream=\(wanted) or --listen \(wanted)), or tell "
      + "the program to bind \(given), or allow it (--pass \"adopt wider=yes\")"
  }

  private static func wrongFamily(_ wanted: BindAddress, _ given: BindAddress) -> String {
    "the passed socket is \(given) for IPv6 and IPv4, and the program asked for IPv4 alone "
      + "(\(wanted)): pass \(wanted) (ListenStream=\(wanted) or --listen \(wanted)), or tell the "
      + "program to bind \(given), or allow it (--pass \"adopt wider=yes\")"
  }
}
