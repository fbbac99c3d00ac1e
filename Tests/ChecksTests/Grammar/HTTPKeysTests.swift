import Testing

@testable import Checks

@Suite("The keys of --http")
struct HTTPKeysTests {
  @Test(
    "a set of statuses holds what it names",
    arguments: [
      ("200", [200], [199, 201]),
      ("200,204,300-399", [200, 204, 300, 399], [201, 205, 299, 400]),
      ("404", [404], [200]),
      ("100-599", [100, 599], [99, 600]),
      ("any", [100, 200, 404, 599], [99, 600, 999]),
      ("500-500", [500], [499, 501]),
    ] as [(String, [Int], [Int])])
  func statuses(text: String, inside: [Int], outside: [Int]) throws {
    let set = try StatusSet.parse(text)
    for status in inside { #expect(set.contains(status)) }
    for status in outside { #expect(!set.contains(status)) }
    #expect(set.description == text)
  }

  @Test(
    "what is no set of statuses is an error",
    arguments: [
      "", ",", "200,", "99", "600", "2xx", "20", "0200", "200-", "-200", "200-300-400", "300-200",
      "200 204", "+20", "Any", "٢٠٠",
    ])
  func malformedStatuses(text: String) {
    #expect(throws: SpecError.self) { try StatusSet.parse(text) }
  }

  @Test("without status= it is 200 to 399")
  func standardStatuses() {
    #expect(StatusSet.standard.contains(200) && StatusSet.standard.contains(399))
    #expect(!StatusSet.standard.contains(199) && !StatusSet.standard.contains(400))
  }

  private func request(_ text: String) throws -> [String] {
    guard case .http(let spec) = try CheckSpec.parse(kind: .http, text: text).probe else {
      return []
    }
    return HTTPRequestText.make(spec, version: "9").split(
      separator: "\r\n", omittingEmptySubsequences: false
    ).map(String.init)
  }

  @Test("a plain request has the default headers and nothing else")
  func plainRequest() throws {
    #expect(
      try request("/a?b") == [
        "GET /a?b HTTP/1.1", "Host: localhost", "User-Agent: vouch/9", "Accept: */*",
        "Connection: close", "", "",
      ])
  }

  @Test("headers are added, replaced and left out")
  func headers() throws {
    let text =
      "http://[::1]:81/ header='X-A:1' header='x-a:  2 ' header=user-agent: "
      + "header='ACCEPT: text/plain' header='Host: app.example'"
    #expect(
      try request(text) == [
        "GET / HTTP/1.1", "Connection: close", "X-A: 1", "x-a: 2", "ACCEPT: text/plain",
        "Host: app.example", "", "",
      ])
  }

  @Test("a method that expects a body says that there is none")
  func methods() throws {
    #expect(try request("/ method=POST").contains("Content-Length: 0"))
    #expect(try !request("/ method=DELETE").contains("Content-Length: 0"))
    #expect(try request("/ method=PROPFIND").first == "PROPFIND / HTTP/1.1")
    #expect(try request("/ method=head").first == "head / HTTP/1.1")
  }

  @Test(
    "a header that cannot be sent is an error",
    arguments: [
      ("X", "no colon"), ("X Y: z", "not the name"), (": z", "not the name"),
      ("X : z", "not the name"), ("Ü: z", "not the name"),
      ("Content-Length: 5", "cannot be set"), ("transfer-encoding: chunked", "cannot be set"),
      ("CONNECTION: keep-alive", "cannot be set"),
      ("X: a\rb", "control character"), ("X: a\nb", "control character"),
      ("X: a\r\nY: b", "control character"), ("X: a\u{1}", "control character"),
      ("X:", "left out"), ("Host:", "left out"),
    ])
  func malformedHeaders(text: String, part: String) {
    var headers = RequestHeaders()
    let error = #expect(throws: SpecError.self) { try headers.add(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }

  @Test(
    "keys that contradict each other or do nothing are errors",
    arguments: [
      ("/ header='Host: a' header='host: b'", "twice"),
      ("/ header=Accept: header='Accept: a'", "both set and removed"),
      ("/ header='Accept: a' header=Accept:", "both set and removed"),
      ("/ method=", "not a method"), ("/ method='G T'", "not a method"),
      ("/ method=CONNECT", "tunnel"), ("/ method=connect", "tunnel"),
      ("/ method=HEAD body=ok", "no body"),
      ("/ tls-ca=/x", "https://"), ("http://h/ tls-name=x", "https://"),
      (":80/ tls-verify=no", "https://"),
      ("https://h/ tls-verify=maybe", "neither yes nor no"),
      ("https://h/ tls-verify=no tls-ca=/x", "does nothing"),
      ("https://h/ tls-ca=", "names no file"),
      ("https://h/ tls-name=", "not the name of a host"),
      ("https://h/ tls-name=127.0.0.1", "not the name of a host"),
      ("https://h/ tls-name=::1", "not the name of a host"),
    ])
  func contradictions(text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try CheckSpec.parse(kind: .http, text: text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }

  @Test(
    "the name to verify is the target's, unless tls-name= gives another",
    arguments: [
      ("https://app.example/", "app.example"),
      ("https://127.0.0.1/", nil),
      ("https://[::1]/", nil),
      ("https://127.0.0.1/ tls-name=app.example", "app.example"),
      ("https://a.example/ tls-name=b.example tls-verify=yes", "b.example"),
    ] as [(String, String?)])
  func serverName(text: String, name: String?) throws {
    guard case .http(let spec) = try CheckSpec.parse(kind: .http, text: text).probe else { return }
    #expect(spec.tls?.serverName == name)
    #expect(spec.tls?.verifies == true)
  }
}
