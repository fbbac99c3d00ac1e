import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("Names")
  struct NameLookupTests {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    private func loopback(_ port: Int) throws -> SocketAddress {
      try SocketAddress(ipAddress: "127.0.0.1", port: port)
    }

    @Test("a name is resolved and its address probed, with the name in the Host header")
    func resolved() async throws {
      let server = try NastyServer(answer: Self.answer)
      defer { server.stop() }
      let address = try loopback(server.port)
      let result = try await probe(
        .http, "http://app.example:\(server.port)/",
        resolve: { host, port in
          host == "app.example" && port == address.port
            ? .found([address]) : .failed("\(host) \(port)")
        })
      #expect(result == .passed("200"))
      #expect(server.requests.first?.contains("Host: app.example:\(server.port)\r\n") == true)
    }

    @Test("getaddrinfo(3) knows localhost")
    func system() throws {
      guard case .found(let addresses) = NameLookup.system("localhost", 80) else {
        return #expect(Bool(false))
      }
      #expect(!addresses.isEmpty)
      for address in addresses {
        #expect(["127.0.0.1", "::1"].contains(address.ipAddress))
        #expect(address.port == 80)
      }
    }

    @Test("a name that getaddrinfo(3) cannot look up is a failure in words")
    func unknown() throws {
      // A label may have 63 characters (RFC 1035, 2.3.4): no server has to be asked.
      let name = String(repeating: "x", count: 64) + ".invalid"
      guard case .failed(let reason) = NameLookup.system(name, 80) else {
        return #expect(Bool(false))
      }
      #expect(reason.hasPrefix("cannot resolve \(name): "))
    }

    @Test("a name without an address is a failure in phase resolve")
    func failed() async throws {
      #expect(
        try await probe(.tcp, "app.example:80", resolve: { _, _ in .failed("cannot resolve it") })
          == .failed("cannot resolve it (phase resolve)"))
      #expect(
        try await probe(.tcp, "app.example:80", resolve: { _, _ in .ownTrouble("no memory") })
          == .inconclusive("no memory"))
    }

    @Test("of several addresses the first that connects is probed")
    func several() async throws {
      let closed = try NastyServer(behave: nil)
      closed.stop()
      let server = try NastyServer(answer: Self.answer)
      defer { server.stop() }
      let addresses = try [loopback(closed.port), loopback(server.port)]
      #expect(
        try await probe(.http, "http://app.example/", resolve: { _, _ in .found(addresses) })
          == .passed("200"))
      let refused = [addresses[0], addresses[0]]
      #expect(
        try await probe(.http, "http://app.example/", resolve: { _, _ in .found(refused) })
          == .failed("connect refused"))
    }

    @Test("an address that does not answer leaves time for the next")
    func share() async throws {
      // Its queue is full, so that it drops what knocks.
      let silent = try NastyServer(backlog: 0, behave: nil)
      let fillers = (0..<4).map { _ in connectingSocket(to: silent.port) }
      let server = try NastyServer(answer: Self.answer)
      defer {
        for descriptor in fillers { close(descriptor) }
        silent.stop()
        server.stop()
      }
      let addresses = try [loopback(silent.port), loopback(server.port)]
      #expect(
        try await probe(
          .http, "http://app.example/", timeout: .seconds(2), resolve: { _, _ in .found(addresses) }
        )
          == .passed("200"))
    }

    @Test("a resolver that hangs holds nobody up, and is asked once")
    func hanging() async throws {
      let server = try NastyServer(answer: Self.answer)
      let resolver = HeldResolver(.found([try loopback(server.port)]))
      let prober = try await Prober(.http, "http://app.example/", resolve: resolver.resolve)

      for _ in 0..<3 {
        #expect(
          await prober.run(timeout: .milliseconds(100))
            == .timedOut("no answer within 100 ms (phase resolve)"))
      }
      // Another probe on the same loop goes on meanwhile.
      #expect(try await http(":\(server.port)") == .passed("200"))
      #expect(resolver.calls == 1)

      // The next one joins the question that hangs, and has its answer.
      async let result = prober.run()
      try await loop.submit {}.get()
      resolver.release()
      #expect(await result == .passed("200"))
      #expect(resolver.calls == 1)

      #expect(await prober.run() == .passed("200"))
      #expect(resolver.calls == 2)
      server.stop()
      resolver.end()
    }
  }
}
