import Glibc
import Handover
import Systemd
import Testing

@testable import VouchKit

/// What is read off real sockets.
@Suite struct HandedSocketsTests {
  private func socket(_ family: CInt, _ type: __socket_type = SOCK_STREAM) -> CInt {
    Glibc.socket(family, CInt(type.rawValue), 0)
  }

  private func bind<Address>(_ descriptor: CInt, _ address: Address, length: Int? = nil) -> Bool {
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(length ?? MemoryLayout<Address>.size)) == 0
      }
    }
  }

  private func unix(_ name: [UInt8]) -> (sockaddr_un, length: Int) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    return (address, MemoryLayout<sa_family_t>.size + name.count)
  }

  @Test("IPv4 and IPv6, of streams and datagrams, with the port")
  func ip() throws {
    for type in [SOCK_STREAM, SOCK_DGRAM] {
      let four = socket(AF_INET, type)
      let six = socket(AF_INET6, type)
      defer {
        close(four)
        close(six)
      }
      var address4 = sockaddr_in()
      address4.sin_family = sa_family_t(AF_INET)
      address4.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      try #require(bind(four, address4))
      var address6 = sockaddr_in6()
      address6.sin6_family = sa_family_t(AF_INET6)
      try #require(bind(six, address6))
      guard case .ip4("127.0.0.1", let port4) = HandedSocket.Address(of: four),
        case .ip6("::", let port6) = HandedSocket.Address(of: six)
      else {
        Issue.record("\(HandedSocket.Address(of: four)), \(HandedSocket.Address(of: six))")
        return
      }
      #expect(port4 > 0 && port6 > 0)
      #expect(HandedSocket.Address(of: four).description == "127.0.0.1:\(port4)")
      #expect(HandedSocket.Address(of: six).description == "[::]:\(port6)")
    }
  }

  @Test("Unix sockets with a path, of any bytes, with an abstract name, and without any")
  func unix() throws {
    let path = Array("/tmp/handed-\(getpid())-".utf8) + [0xFF]
    for (name, wanted) in [
      (path, HandedSocket.Address.path(path)), ([0] + path, .abstract(path)),
    ] {
      let descriptor = socket(AF_UNIX)
      defer { close(descriptor) }
      let (address, length) = unix(name)
      try #require(bind(descriptor, address, length: length))
      #expect(HandedSocket.Address(of: descriptor) == wanted)
    }
    unlink(path.map { CChar(bitPattern: $0) } + [0])
    let unbound = socket(AF_UNIX)
    defer { close(unbound) }
    #expect(HandedSocket.Address(of: unbound) == .other("a Unix socket without a name"))
  }

  @Test("what is no socket")
  func other() throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    #expect(HandedSocket.Address(of: ends[0]) == .other("no socket"))
  }

  @Test("php-fpm's removal of a path is told where it may remove it, and only there")
  func removal() throws {
    func notices(_ path: String) throws -> [String] {
      let socket = HandedSocket(descriptor: 3, name: "x", address: .path(Array(path.utf8)))
      return try Handover.plan(.parse(["php-fpm"]), sockets: [socket], arguments: [[]]).notices
    }
    #expect(try notices("/tmp/x.sock").count == 1)
    #expect(try notices("/tmp/x.sock")[0].contains("ReadOnlyPaths="))
    #expect(try notices("/proc/self/x.sock") == [])
  }
}
