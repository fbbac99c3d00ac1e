import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  /// Each of these would go on for ever.
  @Suite("Deadlines")
  struct DeadlineTests {
    private func expectTimeout(
      _ server: NastyServer, phase: String, kind: CheckSpec.Kind = .http,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let text = "\(kind == .http ? "http://" : "")127.0.0.1:\(server.port)"
      let start = ContinuousClock.now
      let result = try await probe(kind, text, timeout: .milliseconds(200))
      let time = ContinuousClock.now - start
      #expect(
        result == .timedOut("no answer within 200 ms (phase \(phase))"),
        sourceLocation: sourceLocation)
      #expect(time >= .milliseconds(200) && time < .seconds(5), sourceLocation: sourceLocation)
    }

    @Test("a server that accepts and says nothing ends at the deadline, in phase head")
    func silence() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.stayUntilPeerEnds()
      }
      defer { server.stop() }
      try await expectTimeout(server, phase: "head")
    }

    @Test("a server that never accepts ends at the deadline, in phase head")
    func neverAccepted() async throws {
      let server = try NastyServer(behave: nil)
      defer { server.stop() }
      try await expectTimeout(server, phase: "head")
    }

    @Test("a full listen queue ends at the deadline, in phase connect")
    func fullQueue() async throws {
      let server = try NastyServer(backlog: 0, behave: nil)
      let fillers = (0..<4).map { _ in connectingSocket(to: server.port) }
      defer {
        for descriptor in fillers { close(descriptor) }
        server.stop()
      }
      try await expectTimeout(server, phase: "connect")
      try await expectTimeout(server, phase: "connect", kind: .tcp)
    }

    @Test("a head that trickles ends at the deadline, in phase head")
    func tricklingHead() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 ")
        connection.trickle("O")
      }
      defer { server.stop() }
      try await expectTimeout(server, phase: "head")
    }

    @Test("a response that trickles ends at the deadline, in phase body")
    func tricklingBody() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        connection.trickle("x")
      }
      defer { server.stop() }
      try await expectTimeout(server, phase: "body")
    }

    @Test("a body that stops ends at the deadline, in phase body")
    func stalledBody() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        connection.stayUntilPeerEnds()
      }
      defer { server.stop() }
      try await expectTimeout(server, phase: "body")
    }

    @Test("a request that nobody reads ends at the deadline, in phase send")
    func unreadRequest() async throws {
      let server = try NastyServer(behave: nil)
      defer { server.stop() }
      // More than the send and receive buffers of a connection take.
      let header = String(repeating: "x", count: 16 << 20)
      let result = try await http(
        "http://127.0.0.1:\(server.port)/ header='A: \(header)'", timeout: .milliseconds(500))
      #expect(result == .timedOut("no answer within 500 ms (phase send)"))
    }

    @Test("at the deadline the connection is closed as a client that goes away closes it")
    func closed() async throws {
      let (ends, ended) = AsyncStream.makeStream(of: CInt.self)
      let server = try NastyServer { connection in
        connection.readRequest()
        var byte: UInt8 = 0
        ended.yield(recv(connection.descriptor, &byte, 1, 0) < 0 ? errno : 0)
      }
      defer { server.stop() }
      _ = try await http("http://127.0.0.1:\(server.port)/", timeout: .milliseconds(100))
      var iterator = ends.makeAsyncIterator()
      #expect(await iterator.next() == 0, "an end, not a reset")
    }
  }
}
