import Foundation
import Glibc
import NIOCore
import Testing

@testable import Checks

/// Whether anybody uses a socket, asked of the real kernel.
@Suite(.serialized) struct SocketUseTests {
  /// A listening or datagram socket, and clients of it.
  private final class Place {
    enum Kind: CaseIterable { case tcp4, tcp6, tcpBoth, path, abstract, seqpacket }
    let listener: CInt
    private let kind: Kind
    private var address = sockaddr_storage()
    private var length: socklen_t = 0
    private var open: [CInt] = []
    private let path: String

    init(_ kind: Kind, backlog: CInt = 4096) throws {
      self.kind = kind
      path = "/tmp/vouch-use-\(getpid())-\(UInt32.random(in: 0 ... .max))"
      let type =
        kind == .seqpacket ? CInt(SOCK_SEQPACKET.rawValue) : CInt(SOCK_STREAM.rawValue)
      let family =
        switch kind {
        case .tcp4: AF_INET
        case .tcp6, .tcpBoth: AF_INET6
        default: AF_UNIX
        }
      listener = socket(family, type | CInt(SOCK_CLOEXEC.rawValue), 0)
      switch kind {
      case .tcp4:
        var any = sockaddr_in()
        any.sin_family = sa_family_t(AF_INET)
        any.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        set(any)
      case .tcp6, .tcpBoth:
        var any = sockaddr_in6()
        any.sin6_family = sa_family_t(AF_INET6)
        if kind == .tcp6 { withUnsafeMutableBytes(of: &any.sin6_addr) { $0[15] = 1 } }
        set(any)
      case .path, .abstract, .seqpacket:
        var any = sockaddr_un()
        any.sun_family = sa_family_t(AF_UNIX)
        let bytes = kind == .path ? Array(path.utf8) : [0] + Array(path.utf8)
        withUnsafeMutableBytes(of: &any.sun_path) { $0.copyBytes(from: bytes) }
        set(any)
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
      }
      try #require(withAddress { bind(listener, $0, length) } == 0)
      try #require(listen(listener, backlog) == 0)
      if family != AF_UNIX {
        _ = withAddress { getsockname(listener, $0, &length) }
      }
      // The wildcard is reached over IPv4 here: the connection is one of AF_INET6 all the same.
      if kind == .tcpBoth {
        let port = withUnsafeBytes(of: address) { $0.load(as: sockaddr_in6.self).sin6_port }
        var any = sockaddr_in()
        any.sin_family = sa_family_t(AF_INET)
        any.sin_port = port
        any.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        set(any)
      }
    }

    private func set<Address>(_ value: Address) {
      withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: value, as: Address.self) }
      length = socklen_t(MemoryLayout<Address>.size)
    }

    private func withAddress<Result>(_ body: (UnsafeMutablePointer<sockaddr>) -> Result) -> Result {
      withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
      }
    }

    func connect() throws -> CInt {
      let type = kind == .seqpacket ? CInt(SOCK_SEQPACKET.rawValue) : CInt(SOCK_STREAM.rawValue)
      let client = socket(CInt(address.ss_family), type | CInt(SOCK_CLOEXEC.rawValue), 0)
      try #require(client >= 0)
      let status = withAddress { Glibc.connect(client, $0, length) }
      try #require(status == 0, "\(errno)")
      open.append(client)
      return client
    }

    func accept() throws -> CInt {
      let server = Glibc.accept(listener, nil, nil)
      try #require(server >= 0)
      _ = fcntl(server, F_SETFD, FD_CLOEXEC)
      open.append(server)
      return server
    }

    func end(_ descriptor: CInt) {
      open.removeAll { $0 == descriptor }
      Glibc.close(descriptor)
    }

    deinit {
      for descriptor in open { Glibc.close(descriptor) }
      Glibc.close(listener)
      unlink(path)
    }
  }

  private let own = OwnConnections()

  private func use(_ place: Place) throws -> SocketUse {
    try SocketUse([(place.listener, "web")], own: own, signal: SIGURG)
  }

  /// A child that another test forks at this moment has everything open until it executes its program.
  private func isQuietSoon(_ use: SocketUse) async throws -> Bool {
    for _ in 0..<100 {
      if use.look() == .quiet { return true }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  @Test(
    "a connection counts while it waits and while it is open, and not after",
    arguments: Place.Kind.allCases)
  private func life(kind: Place.Kind) async throws {
    let place = try Place(kind)
    let use = try use(place)
    #expect(use.look() == .quiet)
    let client = try place.connect()
    #expect(use.look() == .used, "it waits")
    let server = try place.accept()
    #expect(use.look() == .used, "it is open")
    shutdown(client, CInt(SHUT_WR))
    #expect(use.look() == .used, "half closed, it waits for the answer")
    place.end(server)
    place.end(client)
    #expect(try await isQuietSoon(use))
  }

  @Test("neither a connection that the server has ended nor TIME_WAIT counts")
  func ended() async throws {
    let place = try Place(.tcp4)
    let use = try use(place)
    let client = try place.connect()
    let server = try place.accept()
    place.end(server)
    #expect(try await isQuietSoon(use), "FIN_WAIT2")
    place.end(client)
    #expect(use.look() == .quiet, "TIME_WAIT")
  }

  @Test(
    "what a client asked for before it closed counts until the server has closed, too",
    arguments: Place.Kind.allCases)
  private func goneClient(kind: Place.Kind) async throws {
    let place = try Place(kind)
    let use = try use(place)
    let client = try place.connect()
    let server = try place.accept()
    _ = send(client, "hello", 5, 0)
    place.end(client)
    #expect(use.look() == .used, "unread")
    var room = [UInt8](repeating: 0, count: 10)
    _ = recv(server, &room, room.count, 0)
    #expect(use.look() == .used, "the server may be at work for it")
    place.end(server)
    #expect(try await isQuietSoon(use))
  }

  @Test(
    "a server that has said all and still reads is in use, until it closes",
    arguments: Place.Kind.allCases)
  private func upload(kind: Place.Kind) async throws {
    let place = try Place(kind)
    let use = try use(place)
    let client = try place.connect()
    let server = try place.accept()
    shutdown(server, CInt(SHUT_WR))
    #expect(use.look() == .used)
    _ = send(client, "hello", 5, 0)
    #expect(use.look() == .used)
    var room = [UInt8](repeating: 0, count: 10)
    _ = recv(server, &room, room.count, 0)
    place.end(server)
    #expect(try await isQuietSoon(use), "and the client's side does not matter then")
    place.end(client)
  }

  @Test("another port, another name and this process's own connection elsewhere do not count")
  func others() throws {
    for kind in [Place.Kind.tcp4, .tcp6, .abstract] {
      let place = try Place(kind)
      let other = try Place(kind)
      let use = try use(place)
      _ = try other.connect()
      #expect(use.look() == .quiet)
    }
  }

  @Test("a datagram socket is in use while one waits")
  func datagram() throws {
    var pair: [CInt] = [0, 0]
    try #require(socketpair(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0, &pair) == 0)
    defer { for end in pair { close(end) } }
    let use = try SocketUse([(pair[0], "udp")], own: own, signal: SIGURG)
    #expect(use.look() == .quiet)
    _ = send(pair[1], "x", 1, 0)
    #expect(use.look() == .used)
  }

  @Test("what is no listening or datagram socket is refused by name")
  func refused() throws {
    var pair: [CInt] = [0, 0]
    var ends: [CInt] = [0, 0]
    try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
    defer { for end in pair { close(end) } }
    let error = #expect(throws: SpecError.self) {
      try SocketUse([(pair[0], "odd")], own: own, signal: SIGURG)
    }
    #expect(error?.message.contains("\"odd\" is a single connection") == true)
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let other = #expect(throws: SpecError.self) {
      try SocketUse([(ends[0], "fifo")], own: own, signal: SIGURG)
    }
    #expect(other?.message.contains("\"fifo\" cannot be told") == true)
  }

  @Test("ten thousand connections, ours or a stranger's, cost less than 50 ms a look")
  func many() throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let count = min(10_000, Int(limit.rlim_cur) / 2 - 200)
    let place = try Place(.tcp4, backlog: 65535)
    let bystander = try Place(.tcp4)
    let use = try use(place)
    let other = try self.use(bystander)
    for _ in 0..<count {
      _ = try place.connect()
      _ = try place.accept()
    }
    for (name, use, expected) in [
      ("ours", use, SocketUse.Verdict.used), ("others'", other, .quiet),
    ] {
      let start = ContinuousClock.now
      for _ in 0..<10 { #expect(use.look() == expected) }
      let took = (ContinuousClock.now - start) / 10
      print("a look with \(count) connections, \(name): \(took)")
      #expect(took < .milliseconds(50))
    }
  }
}
