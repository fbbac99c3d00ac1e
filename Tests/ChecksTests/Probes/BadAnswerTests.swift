import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("Answers that are none")
  struct BadAnswerTests {
    @Test(
      "an answer that is not HTTP is a failure that says so",
      arguments: [
        ("garbage\r\n\r\n", "head"),
        ("\u{0}\u{1}\u{2}\u{3}", "head"),
        ("<html>an answer of HTTP/0.9</html>", "head"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "head"),
        ("HTTP/2.0 200 OK\r\n\r\n", "head"),
        ("HTTP/1.1 abc OK\r\n\r\n", "head"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "head"),
        ("HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", "head"),
        ("HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n", "head"),
        ("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\n: no name\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "body"),
      ])
    func malformed(answer: String, phase: String) async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send(answer)
        connection.endAndWait()
      }
      defer { server.stop() }
      let result = try await http("http://127.0.0.1:\(server.port)/ status=any")
      guard case .failed(let reason) = result else { return #expect(Bool(false), "\(result)") }
      #expect(reason.hasPrefix("malformed answer: "), "\(reason)")
      #expect(reason.hasSuffix("(phase \(phase))"), "\(reason)")
    }

    @Test(
      "an answer that ends too early is a failure",
      arguments: [
        ("", "head"),
        ("HTTP/1.1 200 O", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Len", "head"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "body"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", "body"),
      ])
    func early(answer: String, phase: String) async throws {
      let server = try NastyServer(answer: answer)
      defer { server.stop() }
      #expect(
        try await http("http://127.0.0.1:\(server.port)/")
          == .failed("connection closed by peer (phase \(phase))"))
    }

    @Test(
      "a reset is a failure that names its phase",
      arguments: [
        ("", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "body"),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "body"),
      ])
    func reset(answer: String, phase: String) async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send(answer)
        connection.reset()
      }
      defer { server.stop() }
      let result = try await http("http://127.0.0.1:\(server.port)/")
      // A reset discards what was sent but not read yet: then the phase is an earlier one.
      let phases = phase == "body" ? ["head", "body"] : ["head"]
      #expect(
        phases.map { ProbeResult.failed("connection reset by peer (phase \($0))") }
          .contains(result), "\(result)")
    }

    @Test("a reset right after the connection was accepted is a failure")
    func resetAtAccept() async throws {
      let server = try NastyServer { $0.reset() }
      defer { server.stop() }
      let result = try await http("http://127.0.0.1:\(server.port)/")
      // The reset may be quicker than the request, or than this side sees that it is connected.
      #expect(
        [
          .failed("connection reset by peer (phase head)"),
          .failed("connection reset by peer (phase send)"),
          .failed("connection reset by peer (phase connect)"),
          .failed("broken pipe (phase send)"),
        ].contains(result), "\(result)")
    }

    /// What is sent first, and then over and over.
    static let withoutEnd: [(String, String, String)] = [
      ("HTTP/1.1 200 ", "O", "head: no end within 64 KiB"),
      ("HTTP/1.1 200 OK\r\nA: ", "b", "head: no end within 64 KiB"),
      ("HTTP/1.1 200 OK\r\n", "A: b\r\n", "head: no end within 64 KiB"),
      ("", "HTTP/1.1 100 Continue\r\n\r\n", "head: no end within 64 KiB"),
      (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nabcde\r\n",
        "body: no end within 64 KiB"
      ),
      (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x",
        "body: no end within 64 KiB"
      ),
      (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n",
        "body: no end within 64 KiB"
      ),
      ("HTTP/1.1 200 OK\r\n\r\n", "abc", "body: no end within 64 KiB"),
      ("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", "\u{0}", "body: no end within 64 KiB"),
    ]

    @Test("what does not end is cut off at 64 KiB", arguments: withoutEnd)
    func endless(first: String, then: String, reason: String) async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send(first)
        connection.sendWithoutEnd(String(repeating: then, count: 512))
      }
      defer { server.stop() }
      #expect(try await http("http://127.0.0.1:\(server.port)/") == .failed(reason))
    }

    @Test("a head of 64 KiB is read, one byte more is not")
    func headLimit() async throws {
      for (size, result) in [
        (65536, ProbeResult.passed("200")), (65537, .failed("head: no end within 64 KiB")),
      ] {
        let first = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: "
        let end = "\r\n\r\n"
        let filler = String(repeating: "b", count: size - first.utf8.count - end.utf8.count)
        let server = try NastyServer { connection in
          connection.readRequest()
          connection.send(first + filler + end + "ok")
          connection.endAndWait()
        }
        #expect(try await http("http://127.0.0.1:\(server.port)/") == result)
        server.stop()
      }
    }

    @Test("a body of unknown length may have 64 KiB and not a byte more")
    func bodyLimit() async throws {
      for (size, result) in [
        (65536, ProbeResult.passed("200")), (65537, .failed("body: no end within 64 KiB")),
      ] {
        let server = try NastyServer { connection in
          connection.readRequest()
          connection.send("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "b", count: size))
          connection.endAndWait()
        }
        #expect(try await http("http://127.0.0.1:\(server.port)/") == result)
        server.stop()
      }
    }
  }
}
