import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  /// Rule 6. A process that a test names is the child, others are strangers.
  @Suite("Only the child's own answer counts")
  struct WhoseAnswerTests {
    private static let unixAndTCP = ["127.0.0.1:0", "::1:0", ":::0", "0.0.0.0:0", "/", "@"]

    /// A place of its own for a Unix socket.
    private func place(_ text: String) -> String {
      switch text {
      case "/": socketPath()
      case "@": "@vouch-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
      default: text
      }
    }

    private func target(_ server: ServerProcess, _ place: String) -> (http: String, tcp: String) {
      if server.port == 0 { return ("http://unix:\(place):/", "unix:\(place)") }
      let isV6 = place.hasPrefix("::1")
      let host = isV6 ? "[::1]" : "127.0.0.1"
      return ("http://\(host):\(server.port)/", "\(host):\(server.port)")
    }

    @Test("the child answers: it passes, again and again", arguments: unixAndTCP)
    func own(_ text: String) async throws {
      let place = place(text)
      let server = try ServerProcess(place)
      defer {
        server.stop()
        unlink(place)
      }
      let notices = Notices()
      let (http, tcp) = target(server, place)
      for (kind, text, detail) in [(CheckSpec.Kind.http, http, "200"), (.tcp, tcp, "connected")] {
        let prober = try await Prober(kind, text, childOf: server.pid, notices: notices)
        for _ in 0..<3 { #expect(await prober.run() == .passed(detail)) }
      }
      #expect(notices.all == [])
    }

    @Test("a stranger answers: the failure names it", arguments: unixAndTCP)
    func stranger(_ text: String) async throws {
      let place = place(text)
      let server = try ServerProcess(place)
      let child = try ServerProcess("127.0.0.1:0")
      defer {
        server.stop()
        child.stop()
        unlink(place)
      }
      let (http, tcp) = target(server, place)
      for (kind, text) in [(CheckSpec.Kind.http, http), (.tcp, tcp)] {
        let prober = try await Prober(kind, text, childOf: child.pid)
        for _ in 0..<3 { #expect(await prober.run() == .failed(server.reason)) }
      }
      #expect(try await ask(http + " peer=any", childOf: child.pid) == .passed("200"))
    }

    private func ask(_ text: String, childOf root: pid_t) async throws -> ProbeResult {
      try await Prober(.http, text, childOf: root).run()
    }

    @Test("a stranger never gets a whole request")
    func request() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      }
      let child = try ServerProcess("127.0.0.1:0")
      defer { child.stop() }
      let prober = try await Prober(
        .http, ":\(server.port)/delete-all method=POST", childOf: child.pid)
      for _ in 0..<3 {
        guard case .failed(let reason) = await prober.run() else {
          Issue.record("it passed")
          break
        }
        #expect(reason.hasPrefix("answered by process \(getpid()) ("))
      }
      server.stop()
      #expect(!server.requests.contains { $0.hasSuffix("\r\n\r\n") })
    }

    @Test(
      "two programs share the port by SO_REUSEPORT: only the child's answers pass",
      arguments: ["reuse", "reuse defer"])
    func reusePort(options: String) async throws {
      let child = try ServerProcess("127.0.0.1:0", status: 204, options: options)
      let stranger = try ServerProcess(
        "127.0.0.1:\(child.port)", status: 200, options: options)
      defer {
        child.stop()
        stranger.stop()
      }
      let prober = try await Prober(
        .http, ":\(child.port)/ status=200-299", childOf: child.pid)
      var results: Set<ProbeResult> = []
      for _ in 0..<40 { results.insert(await prober.run()) }
      #expect(results == [.passed("204"), .failed(stranger.reason)])
    }

    @Test("a stranger joins a port that the child had alone: it is found out at once")
    func joins() async throws {
      let child = try ServerProcess("127.0.0.1:0", status: 204, options: "reuse")
      defer { child.stop() }
      let prober = try await Prober(
        .http, ":\(child.port)/ status=200-299", childOf: child.pid)
      for _ in 0..<3 { #expect(await prober.run() == .passed("204")) }
      let stranger = try ServerProcess("127.0.0.1:\(child.port)", status: 200, options: "reuse")
      var results: Set<ProbeResult> = []
      for _ in 0..<40 { results.insert(await prober.run()) }
      #expect(results == [.passed("204"), .failed(stranger.reason)])
      stranger.stop()
      for _ in 0..<3 { #expect(await prober.run() == .passed("204")) }
    }

    @Test(
      "a stranger holds the passed socket too: only the child's answers pass",
      arguments: [false, true])
    func shared(unix: Bool) async throws {
      let path = socketPath()
      let listener = try NastyServer(unix ? .unix(path) : .v4, behave: nil)
      let child = try ServerProcess("3", status: 204, inherits: listener.descriptor)
      let stranger = try ServerProcess("3", status: 200, inherits: listener.descriptor)
      defer {
        child.stop()
        stranger.stop()
        listener.stop()
        unlink(path)
      }
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(
        .http, "@web/ status=200-299", [passed], childOf: child.pid)
      var results: Set<ProbeResult> = []
      for _ in 0..<40 { results.insert(await prober.run()) }
      #expect(results == [.passed("204"), .failed(stranger.reason)])
      let connect = try await Prober(.tcp, "@web", [passed], childOf: child.pid)
      results = []
      for _ in 0..<40 { results.insert(await connect.run()) }
      #expect(results == [.passed("connected"), .failed(stranger.reason)])
    }

    @Test("a stranger that joins at the passed socket later is not vouched for after the next scan")
    func joinsPassed() async throws {
      let listener = try NastyServer(behave: nil)
      let child = try ServerProcess("3", status: 204, inherits: listener.descriptor)
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(
        .http, "@web/ status=200-299", [passed], childOf: child.pid)
      for _ in 0..<3 { #expect(await prober.run() == .passed("204")) }
      let stranger = try ServerProcess("3", status: 200, inherits: listener.descriptor)
      defer {
        child.stop()
        stranger.stop()
        listener.stop()
      }
      try await Task.sleep(for: .nanoseconds(Ownership.scanEvery.nanoseconds))
      // The next one has the scan done; it takes as long as the machine takes.
      for _ in 0..<2000 where await prober.run() != .failed(stranger.reason) {
        try await Task.sleep(for: .milliseconds(20))
      }
      var results: Set<ProbeResult> = []
      for _ in 0..<40 { results.insert(await prober.run()) }
      #expect(results == [.passed("204"), .failed(stranger.reason)])
    }

    @Test("of a passed socket that only strangers hold, none passes")
    func leftBehind() async throws {
      let listener = try NastyServer(behave: nil)
      let stranger = try ServerProcess("3", inherits: listener.descriptor)
      let child = try ServerProcess("127.0.0.1:0")
      defer {
        child.stop()
        stranger.stop()
        listener.stop()
      }
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(.http, "@web/", [passed], childOf: child.pid)
      for _ in 0..<3 { #expect(await prober.run() == .failed(stranger.reason)) }
    }

    @Test("a stranger that still has the passed socket when the child is gone is named")
    func childGone() async throws {
      let listener = try NastyServer(behave: nil)
      let child = try ServerProcess("3", inherits: listener.descriptor)
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(.http, "@web/", [passed], childOf: child.pid)
      for _ in 0..<2 { #expect(await prober.run() == .passed("200")) }
      let stranger = try ServerProcess("3", inherits: listener.descriptor)
      child.stop()
      defer {
        stranger.stop()
        listener.stop()
      }
      // The tests' own process has it as well, and is nobody's ancestor any more.
      let result = await prober.run()
      guard case .failed(let reason) = result, reason.hasPrefix("answered by process ") else {
        Issue.record("\(result)")
        return
      }
    }

    @Test(
      "a connection made before the child was known to listen does not count: it connects again")
    func again() async throws {
      let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
      let first = try NastyServer(answer: answer)
      let prober = try await Prober(.http, ":\(first.port)/", childOf: getpid())
      #expect(await prober.run() == .passed("200"))
      #expect(await prober.run() == .passed("200"))
      first.stop()
      let connections = Counter()
      let second = try NastyServer(port: first.port) { connection in
        connections.add()
        if !connection.readRequest().isEmpty { connection.send(answer) }
      }
      defer { second.stop() }
      #expect(await prober.run() == .passed("200"))
      #expect(connections.value == 2)
      #expect(await prober.run() == .passed("200"))
      #expect(connections.value == 3)
    }

    @Test("where the child has closed the passed socket, nobody answers")
    func closed() async throws {
      let listener = try NastyServer(behave: nil)
      let child = try ServerProcess("127.0.0.1:0")
      defer {
        child.stop()
        listener.stop()
      }
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let result = try await Prober(.http, "@web/", [passed], childOf: child.pid).run()
      #expect(result == .failed("no process of this service has the socket open"))
    }

    @Test("a stranger on 127.0.0.1 in front of a child that listens on another address is named")
    func otherAddress() async throws {
      let child = try ServerProcess("127.0.0.2:0")
      let stranger = try ServerProcess("127.0.0.1:\(child.port)")
      defer {
        child.stop()
        stranger.stop()
      }
      let result = try await ask(":\(child.port)/", childOf: child.pid)
      #expect(result == .failed(stranger.reason))
      let other = try await ask("http://127.0.0.2:\(child.port)/", childOf: child.pid)
      #expect(other == .passed("200"))
    }

    @Test("a stranger that takes the place of a Unix socket's file is named")
    func replacedFile() async throws {
      let path = socketPath()
      let child = try ServerProcess(path)
      let prober = try await Prober(.http, "http://unix:\(path):/", childOf: child.pid)
      #expect(await prober.run() == .passed("200"))
      unlink(path)
      let stranger = try ServerProcess(path)
      defer {
        child.stop()
        stranger.stop()
        unlink(path)
      }
      #expect(await prober.run() == .failed(stranger.reason))
    }

    @Test("the child takes the port over from a stranger: it passes from then on")
    func takesOver() async throws {
      let stranger = try ServerProcess("127.0.0.1:0", status: 200, options: "reuse")
      let child = try ServerProcess("127.0.0.1:\(stranger.port)", status: 204, options: "reuse")
      defer { child.stop() }
      let prober = try await Prober(
        .http, ":\(stranger.port)/ status=200-299", childOf: child.pid)
      _ = await prober.run()
      stranger.stop()
      for _ in 0..<3 { #expect(await prober.run() == .passed("204")) }
    }

    @Test("a thousand probes with a look leave no descriptor open, in both ways")
    func noLeak() async throws {
      let child = try ServerProcess("127.0.0.1:0", status: 204, options: "reuse")
      let alone = try ServerProcess("127.0.0.1:0")
      let stranger = try ServerProcess("127.0.0.1:\(child.port)", options: "reuse")
      defer { for server in [child, alone, stranger] { server.stop() } }
      let quick = try await Prober(.http, ":\(alone.port)/", childOf: alone.pid)
      let careful = try await Prober(.http, ":\(child.port)/ status=204", childOf: child.pid)
      let connects = try await Prober(.tcp, ":\(child.port)", childOf: child.pid)
      for prober in [quick, careful, connects] { _ = await prober.run() }
      let before = openDescriptors()
      for _ in 0..<333 {
        for prober in [quick, careful, connects] { _ = await prober.run() }
        try await careful.cancelAtOnce()
      }
      let deadline = ContinuousClock.now + .seconds(10)
      while openDescriptors() != before, ContinuousClock.now < deadline { await Task.yield() }
      #expect(openDescriptors() == before)
    }
  }
}
