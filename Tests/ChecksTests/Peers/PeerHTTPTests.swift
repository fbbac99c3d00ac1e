import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  /// The HTTP cases of peers, told with vouch's own probe against a real socket. A row that begins
  /// with "differs:" is one where DESIGN.md wants something else, and says what.
  @Suite("Peers' HTTP checks")
  struct PeerHTTPTests {
    /// What the server does with a request.
    enum Server: Sendable {
      case answers(String)
      /// Closes the connection without a word.
      case hangsUp
      /// Says nothing until the client is gone.
      case sleeps
      /// Nobody listens any more.
      case isGone
    }

    struct Row: Sendable, CustomTestStringConvertible {
      var origin: String
      var path = "/"
      var keys = ""
      var server: Server
      var result: ProbeResult
      /// Lines of the request, and what no line of it begins with.
      var sends: [String] = []
      var omits: [String] = []
      var note = ""
      var testDescription: String { "\(origin): \(keys) \(note)" }
    }

    static let kubelet = "kubelet pkg/probe/http/http_test.go"
    static let checker = "\(kubelet) TestHTTPProbeChecker"
    static let pebble = "Pebble internals/overlord/checkstate/checkers_test.go TestHTTP"

    private static func answer(
      _ status: String, _ body: String = "", _ headers: String = ""
    ) -> Server {
      .answers(
        "HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    private static let ok = answer("200 OK", "ok body")

    static let headers: [Row] = [
      Row(
        origin: checker, server: ok, result: .passed("200"),
        sends: ["User-Agent: vouch/1.2.3", "Accept: */*", "Connection: close"],
        note: "three default headers beside Host"),
      Row(
        origin: checker, keys: "header='Accept-Encoding: gzip'", server: ok,
        result: .passed("200"), sends: ["Accept-Encoding: gzip"]),
      Row(
        origin: checker, keys: "header='Accept-Encoding: foo'", server: ok,
        result: .passed("200"), sends: ["Accept-Encoding: foo"]),
      Row(
        origin: checker, keys: "header='X-Muffins-Or-Cupcakes: muffins'", server: ok,
        result: .passed("200"), sends: ["X-Muffins-Or-Cupcakes: muffins", "Accept: */*"]),
      Row(
        origin: checker, keys: "header='User-Agent: foo/1.0'", server: ok,
        result: .passed("200"), sends: ["User-Agent: foo/1.0"], omits: ["User-Agent: vouch"]),
      Row(
        origin: checker, keys: "header=User-Agent:", server: ok, result: .passed("200"),
        sends: ["Accept: */*"], omits: ["User-Agent"]),
      Row(
        origin: checker, keys: "header='User-Agent: foo/1.0' header='Accept: text/html'",
        server: ok, result: .passed("200"), sends: ["User-Agent: foo/1.0", "Accept: text/html"],
        omits: ["Accept: */*"]),
      Row(
        origin: checker, keys: "header='Accept: foo/*' header='X-Muffins-Or-Cupcakes: muffins'",
        server: ok, result: .passed("200"),
        sends: ["Accept: foo/*", "X-Muffins-Or-Cupcakes: muffins", "User-Agent: vouch/1.2.3"]),
      Row(
        origin: checker, keys: "header=Accept:", server: ok, result: .passed("200"),
        sends: ["User-Agent: vouch/1.2.3"], omits: ["Accept"]),
      Row(
        origin: checker, keys: "header='User-Agent: foo/1.0' header=Accept:", server: ok,
        result: .passed("200"), sends: ["User-Agent: foo/1.0"], omits: ["Accept"]),
      Row(
        origin: checker, keys: "header='Host: muffins.cupcakes.org'", server: ok,
        result: .passed("200"), sends: ["Host: muffins.cupcakes.org"], omits: ["Host: 127"]),
      Row(
        origin: pebble, path: "/foo/bar",
        keys: "header='X-Name: Bob Smith' header='User-Agent: pebble-test'", server: ok,
        result: .passed("200"),
        sends: ["GET /foo/bar HTTP/1.1", "X-Name: Bob Smith", "User-Agent: pebble-test"]),
    ]

    static let moved = "Location: /new\r\n"
    static let answers: [Row] = [
      Row(origin: checker, server: ok, result: .passed("200")),
      Row(
        origin: checker, server: .hangsUp,
        result: .failed("connection closed by peer (phase head)"),
        note: "a handler that breaks down (FailureCode)"),
      Row(
        origin: checker, server: answer("500 Internal Server Error", "fail body"),
        result: .failed("500, expected 200-399")),
      Row(
        origin: checker, server: .sleeps,
        result: .timedOut("no answer within 300 ms (phase head)"),
        note: "slower than its timeout"),
      Row(
        origin: checker, server: answer("301 Moved Permanently", "", moved),
        result: .passed("301"), note: "differs: not followed, so no failure behind it shows"),
      Row(
        origin: checker, server: answer("302 Found", "", moved), result: .passed("302"),
        note: "differs: not followed"),
      Row(
        origin: checker, server: answer("307 Temporary Redirect", "", moved),
        result: .passed("307"), note: "differs: not followed"),
      Row(
        origin: checker, server: answer("308 Permanent Redirect", "ok body", moved),
        result: .passed("308"), note: "differs: a pass, where the kubelet warns"),
      Row(
        origin: checker, keys: "status=200-299",
        server: answer("302 Found", "", moved), result: .failed("302, expected 200-299"),
        note: "whoever wants to see behind it names the place itself"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_NonLocalRedirects",
        server: answer("302 Found", "", "Location: http://0.0.0.0/fail\r\n"),
        result: .passed("302"), note: "differs: no other host is ever asked"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_NonLocalRedirects",
        server: answer("302 Found", "", "Location: /\r\n"), result: .passed("302"),
        note: "differs: a redirect to itself is no loop"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_HostHeaderPreservedAfterRedirect",
        keys: "header='Host: www.success.com'", server: answer("302 Found", "", moved),
        result: .passed("302"), sends: ["Host: www.success.com"], note: "differs: not followed"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_PayloadTruncated",
        server: answer("200 OK", String(repeating: "a", count: 64 * 1024 + 1)),
        result: .passed("200"), note: "a body over the limit is no failure (64 KiB, there 10)"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_PayloadTruncated",
        server: .answers("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 64 * 1024 + 1)),
        result: .failed("body: no end within 64 KiB"),
        note: "differs: unless its length was not said: it may never end"),
      Row(
        origin: "\(kubelet) TestHTTPProbeChecker_PayloadNormal",
        server: answer("200 OK", String(repeating: "a", count: 64 * 1024 - 1)),
        result: .passed("200")),
      Row(
        origin: pebble, path: "/404", server: answer("404 Not Found", "GET /404"),
        result: .failed("404, expected 200-399"), sends: ["GET /404 HTTP/1.1"]),
      Row(
        origin: pebble, path: "/500",
        server: answer("500 Internal Server Error", "error details\nline 2\nline 3\n"),
        result: .failed("500, expected 200-399"),
        note: "differs: no line of the body in the reason"),
      Row(
        origin: pebble, server: .isGone, result: .failed("connect refused"),
        note: "after the server was closed"),
    ]

    @Test("each case", arguments: headers + answers)
    func row(row: Row) async throws {
      let behave: (@Sendable (Connection) -> Void)? =
        switch row.server {
        case .answers(let text):
          { connection in
            connection.readRequest()
            connection.send(text)
          }
        case .hangsUp: { _ = $0.readRequest() }
        case .sleeps:
          { connection in
            connection.readRequest()
            connection.stayUntilPeerEnds()
          }
        case .isGone: nil
        }
      let server = try NastyServer(behave: behave)
      if case .isGone = row.server { server.stop() }
      defer { if case .isGone = row.server {} else { server.stop() } }
      var timeout = TimeAmount.seconds(10)
      if case .sleeps = row.server { timeout = .milliseconds(300) }
      let text = "http://127.0.0.1:\(server.port)\(row.path) \(row.keys)"
      #expect(try await http(text, timeout: timeout) == row.result)
      let lines = (server.requests.first ?? "").split(separator: "\r\n")
      for line in row.sends { #expect(lines.contains { $0 == line }, "\(lines)") }
      for start in row.omits { #expect(!lines.contains { $0.hasPrefix(start) }, "\(lines)") }
      #expect(server.requests.count <= 1, "one request, whatever was answered")
    }

    @Test(
      "kubelet TestHTTPProbeChecker, differs: an empty header of another name is an error, not sent"
    )
    func emptyHeader() {
      #expect(throws: SpecError.self) {
        try CheckSpec.parse(kind: .http, text: "/ header=Accept-Encoding:")
      }
    }

    @Test("Pebble TestHTTP, TestTCP: a check that is cancelled has no result")
    func cancelled() async throws {
      let server = try NastyServer { $0.stayUntilPeerEnds() }
      defer { server.stop() }
      let prober = try await Prober(.http, "http://127.0.0.1:\(server.port)/")
      #expect(try await !prober.runAndCancel(afterTurns: 3))
    }

    @Test("Pebble TestTCP: accepted, refused, a name that is not known, closed")
    func tcp() async throws {
      let server = try NastyServer { $0.endAndWait() }
      #expect(try await probe(.tcp, ":\(server.port)") == .passed("connected"))
      let nowhere = try await probe(.tcp, "badhost.invalid:\(server.port)") { _, _ in
        .failed("no such host")
      }
      #expect(nowhere == .failed("no such host (phase resolve)"))
      server.stop()
      #expect(try await probe(.tcp, ":\(server.port)") == .failed("connect refused"))
    }

    @Test("Pebble TestExec: a command that cannot be taken apart; differs: before the start")
    func exec() {
      let error = #expect(throws: SpecError.self) { try CheckSpec.parse(kind: .exec, text: "'") }
      #expect(error?.message == "--exec ''': a quote (') is not closed")
    }
  }
}
