import Testing

@testable import Checks

extension ProbeTests {
  @Suite("Answers judged by json=")
  struct JSONAnswerTests {
    private static func answer(_ body: String, _ headers: String = "") -> String {
      "HTTP/1.1 200 OK\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let page = #"{"status":{"db":"up"},"checks":[{"ok":true,"secret":"hunter2"}]}"#

    @Test(
      "every json= must hold, and each reason keeps the body to itself",
      arguments: [
        ("json=status.db=up json=checks[0].ok=true", answer(page), .passed("200")),
        (
          "json=status.db=up json=checks[0].ok=false", answer(page),
          .failed("200, json checks[0].ok: expected false, got true")
        ),
        (
          "json=checks[0].secret=x", answer(page),
          .failed(#"200, json checks[0].secret: expected "x", got another string"#)
        ),
        ("json=a=1", answer("oops"), .failed("200, the body is not JSON")),
        ("json=a=1", answer(""), .failed("200, the body is empty")),
        ("json=a=1", "HTTP/1.1 204 No Content\r\n\r\n", .failed("204, the body is empty")),
        (
          "json=status.db=up", answer(page, "Content-Encoding: gzip\r\n"),
          .passed("200")
        ),
        (
          "json=a=1", answer("\u{1F}\u{8B}...", "Content-Encoding: gzip\r\n"),
          .failed("200, the body is compressed (Content-Encoding)")
        ),
        (
          "body=ok", answer("\u{1F}\u{8B}...", "content-encoding: br\r\n"),
          .failed("200, the body is compressed (Content-Encoding)")
        ),
        (
          "json=a=1", answer("oops", "Content-Encoding: identity\r\n"),
          .failed("200, the body is not JSON")
        ),
        // The status is judged first.
        (
          "json=a=1", "HTTP/1.1 503 Unavailable\r\n\r\n{\"a\":1}",
          .failed("503, expected 200-399")
        ),
        ("status=any json=a=1", "HTTP/1.1 503 Unavailable\r\n\r\n{\"a\":1}", .passed("503")),
        (
          "body=up json=status.db=down", answer(page),
          .failed(#"200, json status.db: expected "down", got another string"#)
        ),
        ("body=down json=status.db=up", answer(page), .failed("200, the body does not match")),
      ] as [(String, String, ProbeResult)])
    func judged(keys: String, answer: String, result: ProbeResult) async throws {
      let server = try NastyServer(answer: answer)
      defer { server.stop() }
      #expect(try await http("http://127.0.0.1:\(server.port)/ \(keys)") == result)
    }

    @Test("a document in pieces is one document")
    func chunks() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in Self.page.utf8 { connection.send(Array("1\r\n".utf8) + [byte, 13, 10]) }
        connection.send("0\r\n\r\n")
      }
      defer { server.stop() }
      let target = "http://127.0.0.1:\(server.port)/"
      #expect(try await http("\(target) json=status.db=up") == .passed("200"))
    }

    @Test("64 KiB are read, and what is longer cannot be judged")
    func length() async throws {
      func page(_ size: Int) -> String {
        #"{"a":1,"b":""# + String(repeating: "x", count: size - 14) + #""}"#
      }
      for (size, announced, result) in [
        (65536, true, ProbeResult.passed("200")),
        (65536, false, .passed("200")),
        (65537, true, .failed("200, the body is longer than 64 KiB, too long for json=")),
        (65537, false, .failed("body: no end within 64 KiB")),
      ] {
        let body = page(size)
        #expect(body.utf8.count == size)
        let server = try NastyServer(
          answer: announced ? Self.answer(body) : "HTTP/1.1 200 OK\r\n\r\n\(body)")
        #expect(try await http("http://127.0.0.1:\(server.port)/ json=a=1") == result)
        server.stop()
      }
    }
  }
}
