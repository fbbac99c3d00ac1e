import Testing

@testable import Checks

/// What `json=` of this text says of this body; nil where it is content.
private func problem(_ text: String, _ body: String) throws -> String? {
  try problem(text, Array(body.utf8))
}

private func problem(_ text: String, _ body: [UInt8]) throws -> String? {
  let expectation = try JSONExpectation.parse(text)
  return body.withUnsafeBytes(expectation.problem(of:))
}

@Suite("json= against a document")
struct JSONSearchTests {
  static let page = """
    {"status": {"db": "up", "n": 1.0, "off": false, "none": null, "list": [], "map": {}},
     "checks": [{"ok": false}, {"ok": true}], "a.b": {"ä": "ö\\n\\u00fc\\ud83d\\ude00"}, "[0]": 7}
    """

  @Test(
    "what is as expected",
    arguments: [
      "status.db=up", #"status.db="up""#, #"["status"]["db"]=up"#, "status.n=1", "status.n=1.00",
      "status.n=10e-1", "status.off=false", "status.none=null", "checks[0].ok=false",
      "checks[1].ok=true", #"["a.b"].ä="ö\nü😀""#, #"["a\u002eb"].ä="ö\u000a\u00FC😀""#,
      #"["[0]"]=7"#,
    ])
  func holds(text: String) throws {
    #expect(try problem(text, Self.page) == nil)
  }

  @Test(
    "what is not, in words that show nothing of the body",
    arguments: [
      ("status.db=down", #"json status.db: expected "down", got another string"#),
      ("status.db=true", "json status.db: expected true, got a string"),
      (#"status.db="true""#, #"json status.db: expected "true", got another string"#),
      ("status.db=1", "json status.db: expected 1, got a string"),
      ("status.n=2", "json status.n: expected 2, got another number"),
      (#"status.n="1.0""#, #"json status.n: expected "1.0", got a number"#),
      ("status.off=true", "json status.off: expected true, got false"),
      ("status.off=up", #"json status.off: expected "up", got a boolean"#),
      ("status.none=up", #"json status.none: expected "up", got null"#),
      ("status.list=up", #"json status.list: expected "up", got an array"#),
      ("status.map=null", "json status.map: expected null, got an object"),
      ("status.db.x=1", "json status.db.x: expected 1, not there"),
      ("status.DB=up", #"json status.DB: expected "up", not there"#),
      ("status[0]=up", #"json status[0]: expected "up", not there"#),
      ("checks[2].ok=true", "json checks[2].ok: expected true, not there"),
      ("checks.ok=true", "json checks.ok: expected true, not there"),
      ("checks[0]=1", "json checks[0]: expected 1, got an object"),
      ("status.list[0]=1", "json status.list[0]: expected 1, not there"),
      ("db=up", #"json db: expected "up", not there"#),
    ])
  func fails(text: String, reason: String) throws {
    #expect(try problem(text, Self.page) == reason)
  }

  @Test(
    "numbers are compared by their exact value",
    arguments: [
      ("1", "1.0", true), ("1", "1e0", true), ("100", "1E+2", true), ("0", "-0.0e9", true),
      ("-1", "1", false), ("0.1", "1e-1", true), ("9007199254740992", "9007199254740993", false),
      ("1e400", "10e399", true), ("1e400", "1e401", false), ("0.30000000000000004", "0.3", false),
      ("1e99999999999999999999", "1", false),
    ])
  func numbers(expected: String, came: String, equal: Bool) throws {
    #expect(try (problem("a=\(expected)", "{\"a\":\(came)}") == nil) == equal)
  }

  @Test("of members with the same name the last counts, and nothing of those before")
  func duplicates() throws {
    #expect(try problem("a=2", #"{"a":1,"a":2}"#) == nil)
    #expect(try problem("a=1", #"{"a":1,"a":2}"#) != nil)
    #expect(try problem("a.b=1", #"{"a":{"b":1},"a":{}}"#) == "json a.b: expected 1, not there")
    #expect(try problem("a.b=1", #"{"a":{"b":1},"a":3}"#) == "json a.b: expected 1, not there")
    #expect(try problem("a=1", #"{"a":1,"\u0061":2}"#) != nil, "an escaped name is the same name")
  }

  @Test("a document may be an array, may have a byte order mark, and blanks around")
  func forms() throws {
    #expect(try problem("[0][1]=x", #"[["a","x"]]"#) == nil)
    #expect(try problem("a=1", "\u{FEFF} \r\n\t{\"a\" : 1 } \n") == nil)
    #expect(try problem("a=1", "\"a\"") == "json a: expected 1, not there")
  }

  @Test("characters are compared one by one: what only looks the same is another string")
  func normalization() throws {
    #expect(try problem("a=\u{E4}", "{\"a\":\"a\u{308}\"}") != nil)
    #expect(try problem("a=\u{E4}", "{\"a\":\"\u{E4}\"}") == nil)
    // Half a pair means no character, and equals nothing.
    #expect(try problem("a=\u{FFFD}", #"{"a":"\ud800"}"#) != nil)
    #expect(try problem("a=\u{FFFD}", #"{"a":"\udc00\ud800"}"#) != nil)
    #expect(try problem("a=\u{FFFD}", #"{"a":"\ud800\u0041"}"#) != nil)
  }

  @Test(
    "what is no JSON is none, wherever it goes wrong",
    arguments: [
      "ok", " ", "{", "}", "[", "]", "{]", "[}", "[1", "[1,", "[1,]", "{\"a\":1,}", "{\"a\"}",
      "{\"a\":}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1}}", "{\"a\":1} x", "{\"a\":1}{}", "[1 2]",
      "[,1]", "[1,,2]", "{,}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"a\nb\"",
      "\"\u{0}\"", "\u{0}", "{\"a\":1}\u{0}", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1",
      "-01",
      "tru", "True", "nul", "nullx", "NaN", "Infinity", "[1]/**/", "//\n1", "\u{FEFF}",
      "\u{FEFF}\u{FEFF}1", "\u{A0}1", "<html></html>",
    ])
  func malformed(body: String) throws {
    #expect(try problem("a=1", body) == "the body is not JSON")
  }

  @Test(
    "nor is what is not UTF-8",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xC3, 0x22], [0xFE, 0xFF, 0x00, 0x31], [0x31, 0x00], [0x1F, 0x8B, 0x08, 0x00],
    ] as [[UInt8]])
  func encodings(body: [UInt8]) throws {
    #expect(try problem("a=1", body) == "the body is not JSON")
  }

  @Test("an empty body is told apart")
  func empty() throws {
    #expect(try problem("a=1", "") == "the body is empty")
  }

  @Test("512 levels are read, one more is not")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let deep = "the body is nested deeper than 512 levels"
    #expect(try problem("a=1", nested(512)) == "json a: expected 1, not there")
    #expect(try problem("a=1", nested(513)) == deep)
    #expect(try problem("a=1", String(repeating: "[", count: 65536)) == deep)
    #expect(try problem("a=1", String(repeating: "{\"a\":", count: 13107)) == deep)
  }

  @Test("a hostile page of 64 KiB is judged in no time")
  func hostile() throws {
    let size = 65536
    let pages = [
      "[" + String(repeating: "[],", count: size / 3) + "1]",
      "{" + (0..<5000).map { "\"k\($0)\":1," }.joined() + "\"a\":1}",
      "{" + String(repeating: "\"a\":2,", count: size / 6) + "\"a\":1}",
      "{\"a\":" + String(repeating: "9", count: size) + "}",
      "{\"a\":1e" + String(repeating: "9", count: size) + "}",
      "{\"a\":0." + String(repeating: "0", count: size) + "}",
      "{\"a\":\"" + String(repeating: "\\u0041", count: size / 6) + "\"}",
      "{\"" + String(repeating: "a", count: size) + "\":1}",
      String(repeating: " ", count: size),
    ]
    let start = ContinuousClock.now
    for page in pages { _ = try problem("a=1", page) }
    // A debug build takes some 5 ms for each, a release build 0.2 ms.
    #expect(ContinuousClock.now - start < .seconds(2))
  }
}
