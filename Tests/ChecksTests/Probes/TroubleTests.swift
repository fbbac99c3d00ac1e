import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("vouch's own trouble, and what probes leave behind")
  struct TroubleTests {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test("without a free descriptor a probe is inconclusive")
    func noDescriptors() async throws {
      let server = try NastyServer(behave: nil)
      let path = socketPath()
      let unix = try NastyServer(.unix(path), behave: nil)
      defer {
        server.stop()
        unix.stop()
        unlink(path)
      }
      let probers = try await [
        Prober(.http, "http://127.0.0.1:\(server.port)/"), Prober(.tcp, ":\(server.port)"),
        Prober(.http, "http://unix:\(path):/"), Prober(.tcp, "unix:\(path)"),
      ]
      var before = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
      // Those that are open stay so: the limit counts for new ones alone.
      var none = rlimit(rlim_cur: 3, rlim_max: before.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
      var results: [ProbeResult] = []
      for prober in probers { results.append(await prober.run()) }
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)

      let expected = ProbeResult.inconclusive("too many open files (phase connect)")
      #expect(results == [expected, expected, expected, expected])
    }

    @Test("after cancel() done is not called, whenever it comes", arguments: 0...5)
    func cancelled(turns: Int) async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        connection.stayUntilPeerEnds()
      }
      defer { server.stop() }
      let prober = try await Prober(.http, ":\(server.port)")
      #expect(try await !prober.runAndCancel(afterTurns: turns))
    }

    @Test("after cancel() done is not called even if the probe had failed at once")
    func cancelledFailure() async throws {
      let prober = try await Prober(.tcp, "unix:\(socketPath())")
      #expect(try await !prober.runAndCancel(afterTurns: 0))
    }

    @Test("after cancel() the answer of a resolver is dropped")
    func cancelledLookup() async throws {
      let resolver = HeldResolver(.failed("too late"))
      let prober = try await Prober(.tcp, "app.example:80", resolve: resolver.resolve)
      async let called = prober.runAndCancel(afterTurns: 1)
      try await loop.submit {}.get()
      #expect(try await !called)
      resolver.release()
      // Whoever asks next is answered.
      #expect(await prober.run() == .failed("too late (phase resolve)"))
      resolver.end()
    }

    @Test("a thousand probes of every ending leave no descriptor open")
    func noLeak() async throws {
      let closed = try NastyServer(behave: nil)
      closed.stop()
      let server = try NastyServer(answer: Self.answer)
      let silent = try NastyServer { connection in
        connection.readRequest()
        connection.stayUntilPeerEnds()
      }
      let passing = try await Prober(.http, ":\(server.port)")
      let accepted = try await Prober(.tcp, ":\(server.port)")
      let refused = try await Prober(.http, ":\(closed.port)")
      let timedOut = try await Prober(.http, ":\(silent.port)")
      let missing = try await Prober(.tcp, "unix:\(socketPath())")
      // The probers' timers are there for as long as they are; the servers' threads close a moment
      // after the last answer.
      let before = openDescriptors()
      for round in 0..<250 {
        #expect(await passing.run() == .passed("200"))
        #expect(await accepted.run() == .passed("connected"))
        #expect(await refused.run() == .failed("connect refused"))
        #expect(await missing.run() == .failed("no such file or directory (phase connect)"))
        if round % 10 == 0 { _ = await timedOut.run(timeout: .milliseconds(1)) }
        try await passing.cancelAtOnce()
      }
      let deadline = ContinuousClock.now + .seconds(10)
      while openDescriptors() != before, ContinuousClock.now < deadline { await Task.yield() }
      #expect(openDescriptors() == before)
      server.stop()
      silent.stop()
    }
  }
}
