import Testing

@testable import Sockets

/// A spec whose words are split at blanks.
func spec(_ text: String) throws(ListenMistake) -> ListenSpec {
  try ListenSpec(text: text, words: text.split(separator: " ").map(String.init))
}

@Suite("--listen as it is written") struct ListenSpecTests {
  static let loopback6 = [UInt8](repeating: 0, count: 15) + [1]

  @Test(
    "an address, of which kind and where",
    arguments: [
      ("8080", ListenAddress.Kind.stream, ListenAddress.Place.everywhere(port: 8080)),
      ("1", .stream, .everywhere(port: 1)),
      ("65535", .stream, .everywhere(port: 65535)),
      ("127.0.0.1:80", .stream, .ip4([127, 0, 0, 1], port: 80)),
      ("0.0.0.0:80", .stream, .ip4([0, 0, 0, 0], port: 80)),
      ("[::1]:80", .stream, .ip6(loopback6, port: 80)),
      ("[0:0::0:1]:80", .stream, .ip6(loopback6, port: 80)),
      ("/run/app.sock", .stream, .path("/run/app.sock")),
      ("unix:/run/app.sock", .stream, .path("/run/app.sock")),
      ("/run/a=b:c", .stream, .path("/run/a=b:c")),
      ("@app", .stream, .abstract("app")),
      ("@app=1", .stream, .abstract("app=1")),
      ("udp:53", .datagram, .everywhere(port: 53)),
      ("udp:127.0.0.1:53", .datagram, .ip4([127, 0, 0, 1], port: 53)),
      ("udp:[::1]:53", .datagram, .ip6(loopback6, port: 53)),
      ("dgram:/run/log", .datagram, .path("/run/log")),
      ("dgram:/run/a=b", .datagram, .path("/run/a=b")),
      ("dgram:@log", .datagram, .abstract("log")),
      ("seqpacket:/run/seq", .sequentialPacket, .path("/run/seq")),
    ])
  func address(text: String, kind: ListenAddress.Kind, place: ListenAddress.Place) throws {
    let plain = try spec(text)
    #expect(plain.name == nil)
    #expect(plain.address == ListenAddress(kind: kind, place: place))
    let named = try spec("web=" + text)
    #expect(named.name == "web")
    #expect(named.address == plain.address)
    // What it is called in messages means the same again.
    #expect(try spec(plain.address.description).address == plain.address)
  }

  @Test(
    "what is wrong is said in one line that begins with the flag and has the hint",
    arguments: [
      ("", "names no address"),
      ("0", "1 to 65535"),
      ("65536", "1 to 65535"),
      ("99999999999999999999", "1 to 65535"),
      ("-1", "write PORT"),
      ("80a", "write PORT"),
      ("web=", "write PORT"),
      ("=80", "no name"),
      ("wéb=80", "no name"),
      ("web=x=80", "write PORT"),
      ("localhost:80", "127.0.0.1:8080"),
      ("tcp:80", "127.0.0.1:8080"),
      (":80", "write 80 alone"),
      ("*:80", "write 80 alone"),
      ("::1:80", "brackets"),
      ("127.1:80", "no IPv4 address"),
      ("127.0.0.1", "no address"),
      ("127.0.0.1:", "write PORT"),
      ("127.0.0.1:http", "write PORT"),
      ("[::1]", "comes :PORT"),
      ("[::1:80", "not closed"),
      ("[127.0.0.1]:80", "no IPv6 address"),
      ("[fe80::1%eth0]:80", "zone"),
      ("udp:", "write PORT"),
      ("udp:/run/log", "dgram:/run/log"),
      ("dgram:53", "begins with /"),
      ("unix:run/app", "begins with /"),
      ("/run/", "names a file"),
      ("/", "names a file"),
      ("@", "abstract socket"),
      ("/" + String(repeating: "x", count: 107), "107 bytes"),
      ("80 web", "key=value"),
      ("80 backlog", "key=value"),
      ("80 mdoe=1", "backlog, mode, v6only, freebind, reuse-port"),
      ("80 Backlog=1", "backlog, mode"),
      ("backlog=80", "address comes first"),
      ("80 backlog=1 backlog=2", "twice"),
      ("80 backlog=0", "from 1 on"),
      ("80 backlog=-1", "from 1 on"),
      ("80 backlog=2147483648", "from 1 on"),
      ("udp:80 backlog=1", "accept connections"),
      ("80 mode=0600", "with a path"),
      ("@a mode=0600", "with a path"),
      ("/run/a mode=1777", "octal"),
      ("/run/a mode=rw", "octal"),
      ("/run/a mode=68", "octal"),
      ("/run/a mode=+60", "octal"),
      ("127.0.0.1:80 v6only=yes", "IPv6"),
      ("/run/a freebind=yes", "IP addresses"),
      ("@a reuse-port=yes", "IP addresses"),
      ("80 v6only=maybe", "yes or no"),
    ])
  func mistakes(text: String, hint: String) throws {
    let mistake = try #require(throws: ListenMistake.self) { try spec(text) }
    #expect(mistake.message.hasPrefix("--listen \""))
    #expect(mistake.message.contains(hint), "\(mistake)")
    #expect(!mistake.message.contains("\n"))
  }

  @Test(
    "control characters of the input do not reach the message",
    arguments: [
      "8\u{1b}[31m0", ":8\u{1b}0", "udp:/\u{1b}", "/run/\u{1b} v6only=yes", "80 \u{1b}=1",
    ])
  func control(text: String) throws {
    let mistake = try #require(throws: ListenMistake.self) { try spec(text) }
    #expect(!mistake.message.contains("\u{1b}"))
  }

  @Test("options are read")
  func options() throws {
    let tcp = try spec("[::]:80 backlog=7 v6only=yes freebind=yes reuse-port=yes").options
    #expect(tcp.backlog == 7)
    #expect(tcp.v6Only == true)
    #expect(tcp.freeBind)
    #expect(tcp.reusePort)
    #expect(try spec("/run/a mode=0660").options.mode == 0o660)
    #expect(try spec("/run/a mode=600").options.mode == 0o600)
    let none = try spec("80").options
    #expect(none == ListenOptions())
    #expect(try spec("80 reuse-port=no freebind=no").options == ListenOptions())
  }

  @Test(
    "two that the kernel could not both bind are refused",
    arguments: [
      ("80", "80", true), ("a=80", "b=80", true), ("80", "[::]:80", true),
      ("80", "0.0.0.0:80", true), ("80", "127.0.0.1:80", true), ("[::]:80", "[::1]:80", true),
      ("0.0.0.0:80", "127.0.0.1:80", true), ("[::1]:80", "[0::1]:80", true),
      ("udp:80", "udp:80", true), ("/run/a", "/run/a", true), ("/run/a", "dgram:/run/a", true),
      ("@a", "@a", true), ("80 reuse-port=yes", "80 reuse-port=yes", true),
      ("80", "81", false), ("80", "udp:80", false), ("127.0.0.1:80", "127.0.0.2:80", false),
      ("127.0.0.1:80", "[::1]:80", false), ("@a", "dgram:@a", false), ("@/run/a", "/run/a", false),
      ("80 v6only=yes", "0.0.0.0:80", false), ("80 v6only=yes", "[::1]:80", true),
      ("0.0.0.0:80 reuse-port=yes", "127.0.0.1:80 reuse-port=yes", false),
    ])
  func collisions(first: String, second: String, collide: Bool) throws {
    for pair in [[first, second], [second, first]] {
      let specs = try pair.map { try spec($0) }
      if collide {
        #expect(throws: ListenMistake.self) { try ListenSpec.requireDistinct(specs) }
      } else {
        try ListenSpec.requireDistinct(specs)
      }
    }
  }
}
