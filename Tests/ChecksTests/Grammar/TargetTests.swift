import Testing

@testable import Checks

@Suite("Targets")
struct TargetTests {
  @Test(
    "stream targets",
    arguments: [
      ("db.example:5432", .host("db.example", port: 5432)),
      ("localhost:1", .host("localhost", port: 1)),
      ("under_score-1.example.:65535", .host("under_score-1.example.", port: 65535)),
      ("127.0.0.1:80", .address("127.0.0.1", port: 80)),
      ("[::1]:80", .address("::1", port: 80)),
      ("[fe80::1]:80", .address("fe80::1", port: 80)),
      (":8080", .loopback(port: 8080)),
      ("@web", .listener("web")),
      ("@my-app.socket", .listener("my-app.socket")),
      ("unix:/run/app.sock", .unix(path: "/run/app.sock")),
      ("unix:@app", .abstract("app")),
      ("unix:80", .host("unix", port: 80)),
    ] as [(String, Target)])
  func stream(text: String, target: Target) throws {
    #expect(try Target.parseStream(text) == target)
  }

  @Test(
    "what is no stream target says what one looks like",
    arguments: [
      ("localhost", "has no port"), ("[::1]", "has no port"),
      (":0", "1 to 65535"), (":70000", "1 to 65535"), (":", "1 to 65535"), (":80a", "1 to 65535"),
      (":-1", "1 to 65535"), (":+1", "1 to 65535"), ("host:", "1 to 65535"),
      (":99999999999999999999", "1 to 65535"), (":٣", "1 to 65535"),
      ("::1:80", "brackets"), ("fe80::1", "brackets"),
      ("[::1:80", "not closed"), ("[::1]80", "only :PORT"), ("[127.0.0.1]:80", "not an IPv6"),
      ("[fe80::1%lo]:80", "zone"), ("[]:80", "not an IPv6"),
      ("http://x:80/", "not a TCP target"), ("/run/x.sock", "not a TCP target"),
      ("ho st:80", "neither an address nor"), ("-h:80", "neither an address nor"),
      ("user@host:80", "neither an address nor"), ("ü.example:80", "neither an address nor"),
      ("@", "names no socket"), ("@a:b", "names no socket"), ("@ü", "names no socket"),
      ("unix:", "needs a path"), ("unix:@", "needs the name"),
    ])
  func malformedStream(text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try Target.parseStream(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }

  @Test("the path of a Unix socket fits sun_path")
  func longPath() throws {
    let fits = "/" + String(repeating: "a", count: 106)
    #expect(try Target.parseStream("unix:" + fits) == .unix(path: fits))
    #expect(throws: SpecError.self) { try Target.parseStream("unix:" + fits + "a") }
    let name = String(repeating: "a", count: 107)
    #expect(try Target.parseStream("unix:@" + name) == .abstract(name))
    #expect(throws: SpecError.self) { try Target.parseStream("unix:@" + name + "a") }
  }

  struct Row: CustomTestStringConvertible {
    var text: String
    var place: Target
    var path: String
    var authority = "localhost"
    var usesTLS = false
    var testDescription: String { text }
  }

  @Test(
    "HTTP targets",
    arguments: [
      Row(text: "/", place: .firstListener, path: "/"),
      Row(text: "/healthz?full=1&x=%20", place: .firstListener, path: "/healthz?full=1&x=%20"),
      Row(text: "@web", place: .listener("web"), path: "/"),
      Row(text: "@web/a/b?c", place: .listener("web"), path: "/a/b?c"),
      Row(text: "@web?c", place: .listener("web"), path: "/?c"),
      Row(text: ":8080", place: .loopback(port: 8080), path: "/"),
      Row(text: ":8080/a", place: .loopback(port: 8080), path: "/a"),
      Row(
        text: "http://app.example/a", place: .host("app.example", port: 80), path: "/a",
        authority: "app.example"),
      Row(
        text: "http://App.Example:80", place: .host("App.Example", port: 80), path: "/",
        authority: "app.example"),
      Row(
        text: "http://app.example:8080?q", place: .host("app.example", port: 8080), path: "/?q",
        authority: "app.example:8080"),
      Row(
        text: "http://127.0.0.1:8080/", place: .address("127.0.0.1", port: 8080), path: "/",
        authority: "127.0.0.1:8080"),
      Row(
        text: "http://[::1]:8080/a", place: .address("::1", port: 8080), path: "/a",
        authority: "[::1]:8080"),
      Row(text: "http://[::80]", place: .address("::80", port: 80), path: "/", authority: "[::80]"),
      Row(
        text: "https://app.example/a", place: .host("app.example", port: 443), path: "/a",
        authority: "app.example", usesTLS: true),
      Row(
        text: "https://app.example:443/a", place: .host("app.example", port: 443), path: "/a",
        authority: "app.example", usesTLS: true),
      Row(
        text: "https://app.example:80/", place: .host("app.example", port: 80), path: "/",
        authority: "app.example:80", usesTLS: true),
      Row(
        text: "http://unix:/run/app.sock:/healthz?x", place: .unix(path: "/run/app.sock"),
        path: "/healthz?x"),
      Row(text: "http://unix:/run/app.sock", place: .unix(path: "/run/app.sock"), path: "/"),
      Row(text: "http://unix:/run/app.sock:", place: .unix(path: "/run/app.sock"), path: "/"),
      Row(text: "http://unix:@app:/a", place: .abstract("app"), path: "/a"),
      Row(
        text: "http://unix:8080/", place: .host("unix", port: 8080), path: "/",
        authority: "unix:8080"),
    ])
  func http(row: Row) throws {
    let target = try HTTPTarget.parse(row.text)
    #expect(target.place == row.place)
    #expect(target.path == row.path)
    #expect(target.authority == row.authority)
    #expect(target.usesTLS == row.usesTLS)
  }

  @Test(
    "what is no HTTP target says what one looks like",
    arguments: [
      ("healthz", "not an HTTP target"), ("localhost:8080/healthz", "not an HTTP target"),
      ("ftp://host/", "not an HTTP target"), ("unix:/run/x", "not an HTTP target"),
      ("http://", "names no host"), ("http:///path", "names no host"),
      ("http://:8080/", "names no host"),
      ("http://host:/", "1 to 65535"), ("http://host:0/", "1 to 65535"), (":0/", "1 to 65535"),
      (":70000/", "1 to 65535"), ("http://::1/", "brackets"),
      ("http://user:pw@host/", "user and password"), ("http://user@host", "user and password"),
      ("/a#b", "fragment"), ("http://host/#", "fragment"), ("http://host#x", "fragment"),
      ("/a b", "percent-encoded"), ("/a\u{7F}", "percent-encoded"),
      ("/a\r\nX: y", "percent-encoded"),
      ("/ü", "percent-encoded"), ("/a\u{0}", "percent-encoded"),
      ("http://unix:/run/app.sock:x", "comes :/PATH"), ("https://unix:/run/x:/", "not possible"),
      ("http://unix:@:/", "needs the name"), ("@/path", "names no socket"),
    ])
  func malformedHTTP(text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try HTTPTarget.parse(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }
}
