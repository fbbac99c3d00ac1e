import Glibc
import Testing

@testable import Adopt

@Suite("the address of a bind") struct BindAddressTests {
  private let port: [UInt8] = [0x1F, 0x90]  // 8080

  private func family(_ family: CInt) -> [UInt8] {
    withUnsafeBytes(of: sa_family_t(family)) { Array($0) }
  }

  @Test("IPv4")
  func ip4() {
    let bytes = family(AF_INET) + port + [127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    #expect(BindAddress(bytes) == .ip4(0x7F00_0001, port: 8080))
    #expect(BindAddress(bytes)?.description == "127.0.0.1:8080")
    #expect(BindAddress(bytes.dropLast()) == nil)
  }

  @Test("IPv6, its scope left out or not")
  func ip6() {
    let address: [UInt8] = [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
    let short = family(AF_INET6) + port + [0, 0, 0, 0] + address
    #expect(BindAddress(short)?.description == "[fe80::1]:8080")
    #expect(BindAddress(short + [3, 0, 0, 0])?.description == "[fe80::1%3]:8080")
    #expect(BindAddress(short.dropLast()) == nil)
  }

  @Test("Unix paths end at their NUL, abstract names at their length")
  func unix() {
    let path = family(AF_UNIX) + Array("/run/x".utf8)
    #expect(BindAddress(path) == .path(Array("/run/x".utf8)))
    #expect(BindAddress(path + [0, 65, 66]) == .path(Array("/run/x".utf8)))
    #expect(BindAddress(family(AF_UNIX) + [0] + Array("x".utf8) + [0]) == .abstract([120, 0]))
    #expect(BindAddress(family(AF_UNIX)) == .other(family: AF_UNIX))
  }

  @Test("whatever else there may be is no address of ours")
  func others() {
    #expect(BindAddress([]) == nil)
    #expect(BindAddress([1]) == nil)
    #expect(BindAddress(family(AF_NETLINK) + [0, 0, 0, 0]) == .other(family: AF_NETLINK))
  }

  @Test("random bytes are read without harm")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...128)).map { _ in UInt8.random(in: 0...255) }
      if bytes.count > 1, Bool.random() { bytes[1] = 0 }
      if bytes.count > 1, Bool.random() { bytes[0] = [1, 2, 10].randomElement(using: &generator)! }
      _ = BindAddress(bytes).map(\.description)
      if let address = BindAddress(bytes) { #expect(!address.description.contains("\n")) }
    }
  }

  @Test("a path, or a program's name, cannot break the line that it is told in")
  func oneLine() {
    #expect(BindAddress.path([47, 10, 27, 91]).description == "/\u{FFFD}\u{FFFD}[")
    #expect(OneLine.of("a\n\u{85}\u{2028}é") == "a\u{FFFD}\u{FFFD}\u{FFFD}é")
  }

  @Test("a text on the way there is the text on the way back")
  func texts() {
    for text in ["0.0.0.0:80", "[::]:1", "[fe80::1%7]:65535", "/run/x", "@y", "[::1]:8080"] {
      #expect(address(text).description == text)
    }
  }
}
