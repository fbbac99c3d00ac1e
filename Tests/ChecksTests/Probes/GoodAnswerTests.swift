import Testing

@testable import Checks

extension ProbeTests {
  @Suite("Answers judged by their status and body")
  struct GoodAnswerTests {
    struct Row: CustomTestStringConvertible {
      var keys: String
      var answer: String
      var result: ProbeResult
      init(_ keys: String, _ answer: String, _ result: ProbeResult) {
        self.keys = keys
        self.answer = answer
        self.result = result
      }
      init(_ answer: String, _ result: ProbeResult) { self.init("", answer, result) }
      var testDescription: String { "\(keys) \(answer.prefix(60).debugDescription)" }
    }

    static let plain = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
    static let chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;ext=1\r\n\n\r\n0\r\nX: y\r\n\r\n"
    static let long = String(repeating: "x", count: 64 * 1024)

    @Test(
      "a whole answer is judged",
      arguments: [
        Row(plain, .passed("200")),
        Row("HTTP/1.0 200 OK\r\n\r\nok\n", .passed("200")),
        Row("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .passed("200")),
        Row("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .passed("200")),
        Row(chunked, .passed("200")),
        Row("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", .passed("301")),
        Row("HTTP/1.1 404 Not Found\r\n\r\n", .failed("404, expected 200-399")),
        Row("HTTP/1.1 503 Unavailable\r\n\r\n", .failed("503, expected 200-399")),
        Row("status=404", "HTTP/1.1 404 Not Found\r\n\r\n", .passed("404")),
        Row("status=404", plain, .failed("200, expected 404")),
        Row("status=any", "HTTP/1.1 500 Oops\r\n\r\n", .passed("500")),
        Row("status=200,204", "HTTP/1.1 201 Made\r\n\r\n", .failed("201, expected 200,204")),
        Row("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", .passed("204")),
        Row("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .passed("304")),
        Row(
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + plain, .passed("200")),
        Row(
          "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nzzz",
          .failed("101, expected 200-399")),
        Row(
          "status=any", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nzzz",
          .passed("101")),
        Row("body=ok", plain, .passed("200")),
        Row("body=^ok$", chunked, .passed("200")),
        Row("body=up", plain, .failed("200, the body does not match")),
        Row("body=x", "HTTP/1.1 204 No Content\r\n\r\n", .failed("204, the body does not match")),
        Row("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + long, .passed("200")),
        Row("HTTP/1.1 200 OK\r\n\r\n" + long, .passed("200")),
        Row(plain + "trailing garbage", .passed("200")),
      ])
    func judged(row: Row) async throws {
      let server = try NastyServer(answer: row.answer)
      defer { server.stop() }
      #expect(try await http("http://127.0.0.1:\(server.port)/ \(row.keys)") == row.result)
    }

    @Test("an answer in single bytes is an answer")
    func singleBytes() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        for byte in Self.chunked.utf8 { connection.send([byte]) }
      }
      defer { server.stop() }
      #expect(try await http("http://127.0.0.1:\(server.port)/ body=^ok$") == .passed("200"))
    }

    @Test("a whole answer is enough, the connection need not end")
    func openConnection() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send(Self.plain)
        connection.stayUntilPeerEnds()
      }
      defer { server.stop() }
      #expect(try await http("http://127.0.0.1:\(server.port)/") == .passed("200"))
    }

    @Test("an answer to HEAD has no body")
    func head() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        connection.stayUntilPeerEnds()
      }
      defer { server.stop() }
      #expect(
        try await http("http://127.0.0.1:\(server.port)/ method=HEAD") == .passed("200"))
      #expect(server.requests.first?.hasPrefix("HEAD / HTTP/1.1\r\n") == true)
    }

    @Test("of a body that is announced to be long, 64 KiB are judged")
    func longBody() async throws {
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\nfirst\n")
        connection.sendWithoutEnd(Self.long)
      }
      defer { server.stop() }
      let target = "http://127.0.0.1:\(server.port)/"
      #expect(try await http(target) == .passed("200"))
      #expect(try await http("\(target) body=^first$") == .passed("200"))
      #expect(try await http("\(target) body=y") == .failed("200, the body does not match"))
    }

    @Test("a pattern is looked for in the first 64 KiB and not behind them")
    func patternBehind() async throws {
      let body = String(repeating: "x", count: 65535) + "yz" + Self.long
      let server = try NastyServer { connection in
        connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        connection.send(body)
      }
      defer { server.stop() }
      let target = "http://127.0.0.1:\(server.port)/"
      #expect(try await http("\(target) body=xy") == .passed("200"))
      #expect(try await http("\(target) body=yz") == .failed("200, the body does not match"))
    }

    @Test("the request goes out as the SPEC says")
    func request() async throws {
      let server = try NastyServer(answer: Self.plain)
      defer { server.stop() }
      let port = server.port
      _ = try await http("http://127.0.0.1:\(port)/a?b=c")
      _ = try await http(":\(port) method=POST header=User-Agent: 'header=Host: app.example'")
      #expect(
        server.requests == [
          "GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUser-Agent: vouch/1.2.3\r\n"
            + "Accept: */*\r\nConnection: close\r\n\r\n",
          "POST / HTTP/1.1\r\nAccept: */*\r\nConnection: close\r\nContent-Length: 0\r\n"
            + "Host: app.example\r\n\r\n",
        ])
    }
  }
}
