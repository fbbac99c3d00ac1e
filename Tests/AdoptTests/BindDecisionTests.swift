import Glibc
import Testing

@testable import Adopt

/// A TCP socket's wish, from an address as it is written.
func tcp(_ text: String, v6Only: Bool = false) -> BindWish {
  BindWish(
    address: address(text), type: CInt(SOCK_STREAM.rawValue), proto: CInt(IPPROTO_TCP),
    isV6Only: v6Only)
}

func udp(_ text: String) -> BindWish {
  BindWish(
    address: address(text), type: CInt(SOCK_DGRAM.rawValue), proto: CInt(IPPROTO_UDP),
    isV6Only: false)
}

/// `1.2.3.4:80`, `[::1]:80`, `/path`, `@name`.
func address(_ text: String) -> BindAddress {
  if text.hasPrefix("/") { return .path(Array(text.utf8)) }
  if text.hasPrefix("@") { return .abstract(Array(text.dropFirst().utf8)) }
  let colon = text.lastIndex(of: ":")!
  let port = UInt16(text[text.index(after: colon)...])!
  var host = String(text[..<colon])
  if host.hasPrefix("[") {
    host = String(host.dropFirst().dropLast())
    let parts = host.split(separator: "%")
    var bytes = in6_addr()
    precondition(inet_pton(AF_INET6, String(parts[0]), &bytes) == 1)
    let (high, low) = withUnsafeBytes(of: bytes) {
      ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
    }
    return .ip6(
      high: UInt64(bigEndian: high), low: UInt64(bigEndian: low),
      scope: parts.count == 2 ? UInt32(parts[1])! : 0, port: port)
  }
  var bytes = in_addr()
  precondition(inet_pton(AF_INET, host, &bytes) == 1)
  return .ip4(UInt32(bigEndian: bytes.s_addr), port: port)
}

@Suite("which passed socket a bind gets") struct BindDecisionTests {
  enum Expected { case adopt, letGo, refuse }

  private func kind(_ decision: BindDecision) -> Expected {
    switch decision {
    case .adopt: .adopt
    case .letGo: .letGo
    case .refuse: .refuse
    }
  }

  @Test(
    "every kind of address that is asked for, against every kind that may be passed",
    arguments: [
      // The same.
      ("127.0.0.1:80", "127.0.0.1:80", .adopt),
      ("0.0.0.0:80", "0.0.0.0:80", .adopt),
      ("[::]:80", "[::]:80", .adopt),
      ("[::1]:80", "[::1]:80", .adopt),
      ("[fe80::1%2]:80", "[fe80::1%2]:80", .adopt),
      ("[fe80::1]:80", "[fe80::1%2]:80", .adopt),
      // Another port, another host, another interface.
      ("127.0.0.1:81", "127.0.0.1:80", .letGo),
      ("127.0.0.2:80", "127.0.0.1:80", .letGo),
      ("[::2]:80", "[::1]:80", .letGo),
      ("[fe80::1%3]:80", "[fe80::1%2]:80", .letGo),
      ("0.0.0.0:0", "0.0.0.0:80", .letGo),
      // An IPv4 address in IPv6's clothes, as Java writes it.
      ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", .adopt),
      ("[::ffff:0.0.0.0]:80", "0.0.0.0:80", .adopt),
      ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", .adopt),
      ("[::ffff:127.0.0.2]:80", "127.0.0.1:80", .letGo),
      ("[::ffff:127.0.0.1]:80", "0.0.0.0:80", .refuse),
      ("[::ffff:127.0.0.1]:80", "[::]:80", .refuse),
      // A wildcard is asked for and less is passed: the administrator wants less.
      ("0.0.0.0:80", "127.0.0.1:80", .adopt),
      ("[::]:80", "[::1]:80", .adopt),
      ("[::]:80", "127.0.0.1:80", .adopt),
      ("[::]:80", "0.0.0.0:80", .adopt),
      // A wildcard is passed and less is asked for: the program wants less.
      ("127.0.0.1:80", "0.0.0.0:80", .refuse),
      ("[::1]:80", "[::]:80", .refuse),
      ("127.0.0.1:80", "[::]:80", .refuse),
      // Both families are passed and one is asked for.
      ("0.0.0.0:80", "[::]:80", .refuse),
      // Another family.
      ("0.0.0.0:80", "[::1]:80", .letGo),
      ("127.0.0.1:80", "[::1]:80", .letGo),
      ("[::1]:80", "127.0.0.1:80", .letGo),
      ("[::1]:80", "0.0.0.0:80", .letGo),
      // Unix sockets, by their names.
      ("/run/a", "/run/a", .adopt),
      ("/run/a", "/run/b", .letGo),
      ("@a", "@a", .adopt),
      ("@a", "/a", .letGo),
      ("@/a", "/a", .letGo),
      ("/run/a", "0.0.0.0:80", .letGo),
      ("0.0.0.0:80", "/run/a", .letGo),
    ] as [(String, String, Expected)])
  func pairs(asked: String, passed: String, expected: Expected) {
    #expect(kind(.decide(tcp(asked), among: [tcp(passed)])) == expected)
    if expected != .letGo { #expect(BindDecision.concerns(address(asked), [tcp(passed)])) }
  }

  @Test("IPV6_V6ONLY: what is passed for one family never stands in for the other")
  func v6Only() {
    let only = tcp("[::]:80", v6Only: true)
    let both = tcp("[::]:80")
    #expect(BindDecision.decide(only, among: [tcp("0.0.0.0:80")]) == .letGo)
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: [only]) == .letGo)
    #expect(BindDecision.decide(tcp("127.0.0.1:80"), among: [only]) == .letGo)
    #expect(BindDecision.decide(only, among: [tcp("127.0.0.1:80")]) == .letGo)
    #expect(BindDecision.decide(only, among: [only]) == .adopt(0))
    #expect(BindDecision.decide(both, among: [only]) == .adopt(0))
    #expect(BindDecision.decide(only, among: [both]) == .adopt(0))
  }

  @Test("of several the nearest is taken, and of equals the one that is free")
  func best() {
    let sockets = [
      tcp("0.0.0.0:80"), tcp("[::]:80", v6Only: true), tcp("127.0.0.1:80"), tcp("0.0.0.0:80"),
    ]
    #expect(BindDecision.decide(tcp("127.0.0.1:80"), among: sockets) == .adopt(2))
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: sockets) == .adopt(0))
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: sockets, taken: [0]) == .adopt(3))
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: sockets, taken: [0, 3]) == .adopt(0))
    #expect(BindDecision.decide(tcp("[::]:80"), among: sockets) == .adopt(1))
    // A nearer one that is taken is still nearer.
    #expect(BindDecision.decide(tcp("[::]:80"), among: sockets, taken: [1]) == .adopt(1))
  }

  @Test("a socket that fits goes before one that would have to be refused")
  func fitBeforeRefusal() {
    let sockets = [tcp("[::]:80"), tcp("0.0.0.0:80")]
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: sockets) == .adopt(1))
  }

  @Test("an IPv6 socket for datagrams does not get one of IPv4, on which it could not answer")
  func datagramFamilies() {
    var told = AdoptOptions()
    told.allowsWider = true
    for (asked, passed) in [("[::]:53", "0.0.0.0:53"), ("[::ffff:127.0.0.1]:53", "127.0.0.1:53")] {
      #expect(kind(BindDecision.decide(udp(asked), among: [udp(passed)])) == .refuse)
      #expect(kind(BindDecision.decide(udp(asked), among: [udp(passed)], told)) == .adopt)
      #expect(kind(BindDecision.decide(tcp(asked), among: [tcp(passed)])) == .adopt)
      #expect(
        BindDecision.decide(udp(asked), among: [udp(passed), udp(asked)]) == .adopt(1))
    }
  }

  @Test("the kind must be the same: type and protocol")
  func kinds() {
    #expect(BindDecision.decide(udp("0.0.0.0:53"), among: [tcp("0.0.0.0:53")]) == .letGo)
    #expect(BindDecision.decide(tcp("0.0.0.0:53"), among: [udp("0.0.0.0:53")]) == .letGo)
    #expect(
      BindDecision.decide(udp("0.0.0.0:53"), among: [tcp("0.0.0.0:53"), udp("0.0.0.0:53")])
        == .adopt(1))
    // Go asks for MPTCP where there is any (from 1.24 on).
    var multipath = tcp("0.0.0.0:80")
    multipath.proto = 262
    #expect(BindDecision.decide(multipath, among: [tcp("0.0.0.0:80")]) == .adopt(0))
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: [multipath]) == .adopt(0))
    var sctp = tcp("0.0.0.0:80")
    sctp.proto = CInt(IPPROTO_SCTP)
    #expect(BindDecision.decide(sctp, among: [tcp("0.0.0.0:80")]) == .letGo)
  }

  @Test("told to, it lets a wider socket stand in, when there is none that fits")
  func wider() {
    var told = AdoptOptions()
    told.allowsWider = true
    let wide = [tcp("[::]:80"), tcp("0.0.0.0:80")]
    #expect(BindDecision.decide(tcp("127.0.0.1:80"), among: wide, told) == .adopt(0))
    #expect(BindDecision.decide(tcp("0.0.0.0:80"), among: wide, told) == .adopt(1))
    #expect(BindDecision.decide(tcp("127.0.0.1:81"), among: wide, told) == .letGo)
    let exact = wide + [tcp("127.0.0.1:80")]
    #expect(BindDecision.decide(tcp("127.0.0.1:80"), among: exact, told) == .adopt(2))
  }

  @Test("a refusal names both addresses, and what would be right")
  func advice() throws {
    for (asked, passed) in [("0.0.0.0:80", "[::]:80"), ("127.0.0.1:80", "0.0.0.0:80")] {
      guard case .refuse(0, let reason) = BindDecision.decide(tcp(asked), among: [tcp(passed)])
      else {
        Issue.record("\(asked) was not refused")
        continue
      }
      #expect(reason.contains("the passed socket is \(passed)"))
      #expect(reason.contains("ListenStream=\(asked)"))
      #expect(!reason.contains("\n"))
    }
  }

  /// What the kernel would let a program have beside a passed socket that listens is never refused, and
  /// no socket is handed out that another address leads to.
  @Test("no decision makes a program reachable where it did not ask to be")
  func neverWider() {
    let hosts = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"]
    for asked in hosts {
      for passed in hosts {
        for (askedOnly, passedOnly) in [(false, false), (true, false), (false, true), (true, true)]
        {
          let wish = tcp(asked + ":80", v6Only: askedOnly)
          let socket = tcp(passed + ":80", v6Only: passedOnly)
          guard case .adopt = BindDecision.decide(wish, among: [socket]) else { continue }
          let isOnce = wish.address.unmapped == socket.address.unmapped
          #expect(isOnce || wish.address.isWildcard, "\(asked) got \(passed)")
        }
      }
    }
  }
}
