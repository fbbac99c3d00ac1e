import Testing

@testable import Checks

@Suite("body=")
struct BodyPatternTests {
  private func matches(_ pattern: String, _ body: [UInt8]) throws -> Bool {
    let matcher = try BodyMatcher(BodyPattern.parse(pattern))
    return body.withUnsafeBytes(matcher.matches)
  }

  @Test(
    "a pattern is found as grep -E finds it",
    arguments: [
      ("ok", "status: ok\n", true),
      ("OK", "status: ok\n", false),
      ("^ok$", "first\nok\nlast", true),
      ("^ok$", "not ok\n", false),
      ("^first", "first\nok", true),
      ("last$", "first\nlast", true),
      ("a.b", "a\nb", false),
      ("a[^x]b", "a\nb", false),
      ("\"status\" *: *\"(ok|up)\"", "{\"status\" : \"up\"}", true),
      ("[0-9]{3}", "ab12c", false),
      ("[[:digit:]]+", "ab12c", true),
      ("[]a]", "]", true),
      ("[^]a]", "]a", false),
      ("\\bup\\b", "backup", false),
      ("\\<up\\>", "is up.", true),
      ("\\w\\s\\W", "a !", true),
      ("a\\.b", "axb", false),
      ("a|b", "xxb", true),
      ("x*", "", true),
      ("^$", "", true),
      ("x", "", false),
      ("^(a)(b)?$", "a", true),
    ])
  func found(pattern: String, body: String, expected: Bool) throws {
    #expect(try matches(pattern, Array(body.utf8)) == expected)
  }

  @Test("bytes that are no UTF-8, and NULs, are bytes like others")
  func bytes() throws {
    #expect(try matches("b[^x]c", [0, 0x62, 0, 0x63, 0xFF]))
    #expect(try matches("b.c", [0xFF, 0, 0x0A, 0x62, 0xFE, 0x63]))
    #expect(try !matches("bc", [0x62, 0, 0x63]))
  }

  @Test(
    "what other dialects know and this one would take literally is an error",
    arguments: [
      ("\\d+", "[0-9]"), ("\\D", "[^0-9]"), ("a\\n", "not known"), ("\\t", "not known"),
      ("\\x41", "not known"), ("(a)\\1", "back-reference"), ("(?i)ok", "(?"), ("(?:ok)", "(?"),
      ("[\\d]", "between brackets"), ("[^\\w]", "between brackets"), ("[[:alpha:]\\d]", "between"),
      ("", "empty"), ("a\\", "backslash"),
      ("a(", "malformed"), ("[a", "malformed"), ("a{2,1}", "malformed"), ("*a", "malformed"),
      ("a)(b", "malformed"),
    ])
  func refused(pattern: String, part: String) {
    let error = #expect(throws: SpecError.self) { try BodyPattern.parse(pattern) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }

  @Test("a pattern that could match from every byte on takes one pass")
  func linear() throws {
    // Quadratic, this is 2 thousand million steps, and many times the bound.
    let body = [UInt8](repeating: UInt8(ascii: "a"), count: 64 * 1024)
    let start = ContinuousClock.now
    #expect(try !matches("[a-z]*ok", body))
    #expect(try !matches("a+a+ok", body))
    #expect(.now - start < .seconds(2))
  }
}
