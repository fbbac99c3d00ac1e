import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("gRPC against a real server")
  struct GRPCServerTests {
    /// What the server is to say, in a file that it reads at each call.
    private struct Control {
      let path = socketPath()
      func say(_ words: String) throws {
        guard let file = fopen(path, "we") else { throw SystemError("fopen") }
        fputs(words, file)
        fclose(file)
      }
    }

    @Test("each status, as it is switched")
    func statuses() async throws {
      let control = Control()
      defer { unlink(control.path) }
      let server = try GRPCServer("--control", control.path)
      defer { server.stop() }
      let whole = try await Prober(.grpc, ":\(server.port)")
      let known = try await Prober(.grpc, ":\(server.port)/known")
      let stranger = try await Prober(.grpc, ":\(server.port)/stranger")
      for word in ["SERVING", "NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN", "SERVING"] {
        try control.say(word)
        let expected = word == "SERVING" ? ProbeResult.passed(word) : .failed(word)
        #expect(await whole.run() == expected)
        #expect(await known.run() == expected)
        #expect(
          await stranger.run() == .failed("it does not know service \"stranger\""))
      }
      // The message beside it holds what nobody is to see.
      for word in ["UNAVAILABLE", "INTERNAL", "PERMISSION_DENIED"] {
        try control.say("abort \(word)")
        #expect(await whole.run() == .failed("grpc-status \(word)"))
      }
    }

    @Test("a server without the health service")
    func withoutService() async throws {
      let server = try GRPCServer("--no-health")
      defer { server.stop() }
      #expect(
        try await probe(.grpc, ":\(server.port)")
          == .failed("the server has no grpc.health.v1.Health service"))
    }

    @Test("over a Unix socket, with and without a service")
    func unix() async throws {
      let path = socketPath()
      defer { unlink(path) }
      let server = try GRPCServer("--unix", path)
      defer { server.stop() }
      #expect(try await probe(.grpc, "unix:\(path)") == .passed("SERVING"))
      #expect(try await probe(.grpc, "unix:\(path):known") == .passed("SERVING"))
      #expect(
        try await probe(.grpc, "unix:\(path):x") == .failed("it does not know service \"x\""))
    }

    @Test("a server that is frozen is told as one that does not answer, and is well afterwards")
    func frozen() async throws {
      let server = try GRPCServer()
      defer { server.stop() }
      let prober = try await Prober(.grpc, "127.0.0.1:\(server.port)")
      #expect(await prober.run() == .passed("SERVING"))
      server.signal(SIGSTOP)
      #expect(
        await prober.run(timeout: .milliseconds(200))
          == .timedOut("no answer within 200 ms (phase head)"))
      server.signal(SIGCONT)
      #expect(await prober.run() == .passed("SERVING"))
    }

    @Test("an http check of a gRPC port fails")
    func http1() async throws {
      let server = try GRPCServer()
      defer { server.stop() }
      guard case .failed = try await http("http://127.0.0.1:\(server.port)/ status=any") else {
        return #expect(Bool(false))
      }
    }

    @Test("a call to a passed socket waits in its listen queue until the server serves")
    func passed() async throws {
      // The socket listens now; a server takes it over later.
      let listener = try NastyServer(behave: nil)
      let address = try #require(
        ListenerAddress(name: "api", descriptor: listener.descriptor))
      let prober = try await Prober(.grpc, "@api", [address])
      async let result = prober.run()
      try await Task.sleep(for: .milliseconds(150))
      let server = try await HTTP2Server(
        on: listener.descriptor,
        [
          .headers(GRPCScript.head), .data(GRPCScript.serving),
          .headers(["grpc-status": "0"], last: true),
        ])
      #expect(await result == .passed("SERVING"))
      #expect(server.requests.first?.headers.first(name: ":authority") == "localhost")
      try await server.stop()
    }
  }
}
