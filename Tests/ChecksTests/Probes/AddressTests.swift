import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("Where probes connect to")
  struct AddressTests {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    private func listener(_ server: NastyServer, _ name: String = "web") throws -> ListenerAddress {
      try #require(ListenerAddress(name: name, descriptor: server.descriptor))
    }

    @Test("a path alone goes to the first passed socket, a name to the first of that name")
    func passed() async throws {
      let servers = try ["200", "201", "202"].map {
        try NastyServer(answer: "HTTP/1.1 \($0) OK\r\n\r\n")
      }
      defer { for server in servers { server.stop() } }
      let listeners = try [
        listener(servers[0], "a"), listener(servers[1], "b"), listener(servers[2], "b"),
      ]
      #expect(try await http("/", listeners) == .passed("200"))
      #expect(try await http("@a/", listeners) == .passed("200"))
      #expect(try await http("@b", listeners) == .passed("201"))
      #expect(try await probe(.tcp, "@b", listeners) == .passed("connected"))
      #expect(servers[0].requests.first?.contains("Host: localhost\r\n") == true)
    }

    @Test("a socket that was not passed is an error that says which were")
    func notPassed() throws {
      let server = try NastyServer(answer: Self.answer)
      defer { server.stop() }
      let listeners = try [listener(server, "a"), listener(server, "b")]
      let error = #expect(throws: SpecError.self) {
        let check = try CheckSpec.parse(kind: .http, text: "@c/x")
        _ = try factory(listeners).makeProbe(for: check)
      }
      #expect(
        error?.message == "--http '@c/x': no listening stream socket named \"c\" was passed to "
          + "vouch; those passed are named \"a\", \"b\"")
      #expect(throws: SpecError.self) {
        _ = try factory().makeProbe(for: CheckSpec.parse(kind: .http, text: "/x"))
      }
      #expect(throws: SpecError.self) {
        _ = try factory().makeProbe(for: CheckSpec.parse(kind: .tcp, text: "@a"))
      }
    }

    @Test("a passed socket is reached wherever it is bound")
    func boundAnywhere() async throws {
      let path = socketPath()
      let places: [NastyServer.Place] = [
        .v4, .v6, .anyV4, .anyV6, .anyV6Only, .unix(path), .abstract("vouch-\(path)"),
      ]
      defer { unlink(path) }
      for place in places {
        let server = try NastyServer(place, answer: Self.answer)
        #expect(try await http("/", [listener(server)]) == .passed("200"), "\(place)")
        server.stop()
      }
    }

    @Test("a wildcard is tried on loopback, v6 before v4 where it takes both")
    func wildcards() throws {
      for (place, expected) in [
        (NastyServer.Place.anyV4, ["127.0.0.1"]), (.anyV6, ["::1", "127.0.0.1"]),
        (.anyV6Only, ["::1"]), (.v4, ["127.0.0.1"]), (.v6, ["::1"]),
      ] {
        let server = try NastyServer(place, behave: nil)
        defer { server.stop() }
        let peers = try listener(server).peers.map { peer in
          if case .ip(let address) = peer {
            "\(address.ipAddress ?? "") \(address.port ?? 0)"
          } else {
            ""
          }
        }
        #expect(peers == expected.map { "\($0) \(server.port)" })
      }
    }

    @Test("what no probe can connect to is no listener")
    func noListeners() throws {
      let server = try NastyServer(answer: Self.answer)
      defer { server.stop() }
      var pipes: [CInt] = [0, 0]
      pipe(&pipes)
      let kinds: [(CInt, CInt)] = [
        (AF_INET, CInt(SOCK_DGRAM.rawValue)), (AF_INET, CInt(SOCK_STREAM.rawValue)),
        (AF_UNIX, CInt(SOCK_SEQPACKET.rawValue)), (AF_UNIX, CInt(SOCK_DGRAM.rawValue)),
      ]
      let sockets = kinds.map { socket($0.0, $0.1, 0) }
      defer { for descriptor in pipes + sockets { close(descriptor) } }
      for descriptor in pipes + sockets + [-1, 9999] {
        #expect(ListenerAddress(name: "x", descriptor: descriptor) == nil)
      }
      #expect(ListenerAddress(name: "x", descriptor: server.descriptor) != nil)
    }

    @Test("Unix sockets are reached by path and by abstract name")
    func unix() async throws {
      let path = socketPath()
      let server = try NastyServer(.unix(path), answer: Self.answer)
      let abstract = try NastyServer(.abstract(path), answer: Self.answer)
      defer {
        server.stop()
        abstract.stop()
        unlink(path)
      }
      #expect(try await http("http://unix:\(path):/a") == .passed("200"))
      #expect(server.requests.first?.hasPrefix("GET /a HTTP/1.1\r\nHost: localhost\r\n") == true)
      #expect(try await probe(.tcp, "unix:\(path)") == .passed("connected"))
      #expect(try await http("http://unix:@\(path):/a") == .passed("200"))
      #expect(try await probe(.tcp, "unix:@\(path)") == .passed("connected"))
    }

    @Test("a Unix socket that is not there, or does not listen, is a failure")
    func noUnix() async throws {
      let path = socketPath()
      let missing = ProbeResult.failed("no such file or directory (phase connect)")
      #expect(try await http("http://unix:\(path):/") == missing)
      #expect(try await probe(.tcp, "unix:\(path)") == missing)
      #expect(try await probe(.tcp, "unix:@\(path)") == .failed("connect refused"))
      let server = try NastyServer(.unix(path), answer: Self.answer)
      server.stop()
      defer { unlink(path) }
      #expect(try await http("http://unix:\(path):/") == .failed("connect refused"))
    }

    @Test("a Unix socket without permission is a failure", .enabled(if: geteuid() != 0))
    func noPermission() async throws {
      let path = socketPath()
      let server = try NastyServer(.unix(path), answer: Self.answer)
      defer {
        server.stop()
        unlink(path)
      }
      chmod(path, 0)
      #expect(
        try await http("http://unix:\(path):/") == .failed("permission denied (phase connect)"))
    }

    @Test("a Unix socket whose listen queue is full is a failure at once")
    func fullUnixQueue() async throws {
      let path = socketPath()
      let server = try NastyServer(.unix(path), backlog: 0, behave: nil)
      defer {
        server.stop()
        unlink(path)
      }
      var fillers: [CInt] = []
      while case .success(let descriptor) = UnixAddress(path: path).connect() {
        fillers.append(descriptor)
      }
      defer { for descriptor in fillers { close(descriptor) } }
      #expect(
        try await http("http://unix:\(path):/") == .failed("listen queue full (phase connect)"))
    }

    @Test("a port that nobody listens on is a failure at once")
    func closedPort() async throws {
      let server = try NastyServer(behave: nil)
      server.stop()
      let port = server.port
      for (kind, text) in [
        (CheckSpec.Kind.http, "http://127.0.0.1:\(port)/"), (.http, "http://[::1]:\(port)/"),
        (.http, ":\(port)"), (.tcp, "127.0.0.1:\(port)"), (.tcp, ":\(port)"),
        (.tcp, "localhost:\(port)"),
      ] {
        #expect(try await probe(kind, text) == .failed("connect refused"), "\(text)")
      }
    }

    @Test("a port is found on v4 and on v6 loopback, and localhost means both")
    func loopback() async throws {
      for place in [NastyServer.Place.v4, .v6] {
        let server = try NastyServer(place, answer: Self.answer)
        #expect(try await http(":\(server.port)/") == .passed("200"))
        #expect(try await probe(.tcp, ":\(server.port)") == .passed("connected"))
        let unasked: NameLookup.Resolve = { _, _ in .failed("the resolver was asked") }
        #expect(
          try await probe(.http, "http://localhost:\(server.port)/", resolve: unasked)
            == .passed("200"))
        server.stop()
      }
    }

    @Test("the address that connected is tried first the next time")
    func preferred() async throws {
      let server = try NastyServer(.v6, answer: Self.answer)
      defer { server.stop() }
      let (v4, v6) = (PeerAddress.loopback4(server.port), PeerAddress.loopback6(server.port))
      let peers = try await loop.submit {
        NIOLoopBound(
          try Peers(.loopback(port: server.port), listeners: [], resolve: NameLookup.system),
          eventLoop: loop)
      }.get()
      let addresses = { @Sendable in try await loop.submit { peers.value.addresses }.get() }
      let prober = try await Prober { TCPProbe(peers: peers.value, deadlines: try! Deadlines()) }
      #expect(try await addresses() == [v4, v6])
      #expect(await prober.run() == .passed("connected"))
      #expect(try await addresses() == [v6, v4])
      #expect(await prober.run() == .passed("connected"))
      #expect(try await addresses() == [v6, v4])
    }

    @Test("a socket connected with itself is known by its two equal ends")
    func itself() throws {
      let here = try SocketAddress(ipAddress: "127.0.0.1", port: 40000)
      let there = try SocketAddress(ipAddress: "127.0.0.1", port: 40001)
      let path = try SocketAddress(unixDomainSocketPath: "/x")
      #expect(isConnectedToItself(here, here))
      #expect(!isConnectedToItself(here, there))
      #expect(!isConnectedToItself(path, path))
      #expect(!isConnectedToItself(nil, nil))
    }
  }

  @Suite("Which failure to connect is told")
  struct ConnectFailureTests {
    private let ip = PeerAddress.loopback4(1)
    private let unix = PeerAddress.unix(UnixAddress(path: "/x"))

    private func verdict(_ codes: [CInt]) -> ProbeResult {
      var failures = ConnectFailures()
      for code in codes where !failures.add(code, at: ip) { break }
      return failures.verdict
    }

    @Test("a refusal says more than the lack of a way there")
    func refusal() {
      #expect(verdict([ECONNREFUSED]) == .failed("connect refused"))
      #expect(verdict([ENETUNREACH, ECONNREFUSED]) == .failed("connect refused"))
      #expect(verdict([ECONNREFUSED, EADDRNOTAVAIL]) == .failed("connect refused"))
      #expect(verdict([EAFNOSUPPORT, EADDRNOTAVAIL, ECONNREFUSED]) == .failed("connect refused"))
      #expect(verdict([ENETUNREACH]) == .failed("network is unreachable (phase connect)"))
      #expect(
        verdict([ETIMEDOUT, ECONNREFUSED]) == .failed("connection timed out (phase connect)"))
    }

    @Test(
      "what vouch lacks itself is no failure",
      arguments: [EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN])
    func ownTrouble(code: CInt) {
      guard case .inconclusive = verdict([code]) else { return #expect(Bool(false)) }
      // Without it, the next address might have connected.
      guard code != EADDRNOTAVAIL else { return }
      guard case .inconclusive = verdict([ECONNREFUSED, code]) else {
        return #expect(Bool(false))
      }
    }

    @Test("EAGAIN of a Unix socket is a full listen queue")
    func unixQueue() {
      var failures = ConnectFailures()
      let another = failures.add(EAGAIN, at: unix)
      #expect(another)
      #expect(failures.verdict == .failed("listen queue full (phase connect)"))
    }
  }
}
