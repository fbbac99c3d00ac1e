import Glibc
import SocketNames
import Testing

@Suite struct SocketNameTests {
  /// A socket of its own, bound to `name`; closed with the block.
  static func bound<Result>(
    _ name: SocketName, _ body: (CInt) throws -> Result
  ) throws -> Result {
    let descriptor = socket(name.family, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    try #require(name.with { bind(descriptor, $0, $1) } == 0, "errno \(errno)")
    return try body(descriptor)
  }

  @Test("what a socket is bound to comes back as it was given, and binds another one")
  func inet() throws {
    try Self.bound(SocketName(ip4: [127, 0, 0, 1], port: 0)) {
      let name = try #require(SocketName(of: $0))
      let address = try #require(name.ip4)
      #expect(UInt32(bigEndian: address.sin_addr.s_addr) == 0x7F00_0001)
      #expect(address.sin_port != 0)
      #expect(name.bytes.count == MemoryLayout<sockaddr_in>.size)
      #expect(name.ip6 == nil && name.unix == nil)
      let port = UInt16(bigEndian: address.sin_port)
      #expect(SocketName(ip4: [127, 0, 0, 1], port: port).bytes == name.bytes)
      let other = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      defer { close(other) }
      #expect(name.with { bind(other, $0, $1) } == -1)
      #expect(errno == EADDRINUSE)
    }
    try Self.bound(SocketName(ip6: [UInt8](repeating: 0, count: 15) + [1], port: 0)) {
      let name = try #require(SocketName(of: $0))
      #expect(withUnsafeBytes(of: try #require(name.ip6).sin6_addr) { $0[15] } == 1)
      #expect(name.bytes.count == MemoryLayout<sockaddr_in6>.size)
      #expect(name.ip4 == nil && name.unix == nil)
    }
  }

  @Test("a Unix name: a path without its NUL, an abstract one with all of its NULs, none")
  func unix() throws {
    let path = Array("/tmp/vouch-name-\(getpid())".utf8)
    defer { unlink(String(decoding: path, as: UTF8.self)) }
    // As long as a name can be: no room is left for a NUL.
    let long = [0] + [UInt8](repeating: 65, count: 103) + Array("\(getpid() % 1000 + 1000)".utf8)
    for name in [path, [0] + Array("vouch\0name\0\(getpid())\0".utf8), long] {
      try Self.bound(SocketName(unix: name)) {
        let found = try #require(SocketName(of: $0))
        #expect(found.unix == name)
        #expect(found.ip4 == nil && found.ip6 == nil)
      }
    }
    let unbound = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(unbound) }
    #expect(SocketName(of: unbound)?.unix == [])
  }

  @Test("no socket has no name, and errno says why")
  func none() {
    #expect(SocketName(of: -1) == nil)
    #expect(errno == EBADF)
    let file = open("/dev/null", O_RDONLY)
    defer { close(file) }
    #expect(SocketName(of: file) == nil)
    #expect(errno == ENOTSOCK)
    #expect(socketOption(file, SOL_SOCKET, SO_TYPE) == nil)
  }
}
