import Testing

@testable import Checks

@Suite("The limits of a regular expression of body=")
struct PatternLimitTests {
  @Test(
    "what would take memory and time without end is refused at once",
    arguments: [
      "a{1001}", "(a{100}){100}", "((a{999}){999}){999}", "a{100}{100}", "(a{1,300}b){1,300}",
      "((((){999}){999}){999}){999}", "a{99999999999999999999}", "a{99999999999999999999,}",
      String(repeating: "a", count: 1001), String(repeating: "(", count: 2000),
      // Found by fuzzing, when glibc's regcomp() did this.
      "(a+)" + String(repeating: "{2}", count: 20),
    ])
  func refused(pattern: String) {
    let start = ContinuousClock.now
    let error = #expect(throws: SpecError.self) { try BodyPattern.parse(pattern) }
    #expect(error?.message.contains("is too large") == true, "\(error?.message ?? "none")")
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  @Test(
    "what glibc's regcomp() takes minutes or a GiB for is nothing special",
    arguments: [
      // All found by fuzzing.
      "o" + String(repeating: "+", count: 28), "[^-z]" + String(repeating: "*", count: 24),
      "()+++++++", "(((((()+)+)+)+)+)+x?", "((^+$+)+)+", "((a?){20}+b?){20}", "(()+){100}",
      "(\\b)+{7}|o",
    ])
  func odd(pattern: String) throws {
    let start = ContinuousClock.now
    let matcher = try BodyMatcher(BodyPattern.parse(pattern))
    #expect(Array("foo\n".utf8).withUnsafeBytes(matcher.matches))
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  @Test("a hostile body of 64 KiB takes time in proportion to the pattern, and no more")
  func hostileBody() throws {
    var random = RandomInputTests.Generator(state: 7)
    let body = (0..<65536).map { _ in UInt8(ascii: Bool.random(using: &random) ? "x" : "z") }
    let start = ContinuousClock.now
    for pattern in ["x.{50}y", "(x|z)*x(x|z){200}y", "(x.*){20}y"] {
      let matcher = try BodyMatcher(BodyPattern.parse(pattern))
      #expect(!body.withUnsafeBytes(matcher.matches))
    }
    // With regexec() the first alone takes more than a minute. A debug build needs some seconds.
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test(
    "what is malformed is an error that says what would be right",
    arguments: [
      ("a)", "a ) closes no group"), (")+++++++", "a ) closes no group"),
      ("(a", "a ( is not closed"),
      ("+a", "nothing stands before +"), ("a|*b", "nothing stands before *"),
      ("(?a)", "plain group"), ("(+a)", "nothing stands before +"),
      ("{2}", "nothing stands before {"),
      ("a{x}", "after { comes a count"), ("a{", "after { comes a count"),
      ("a{,}", "after { comes a count"), ("a{1", "after { comes a count"), ("a{3,2}", "backwards"),
      ("[z-a]", "runs backwards"), ("[[:nope:]]", "names no class"),
      ("[[:digit]", "names no class"),
      ("[[.ab.]]", "names no character"), ("[]", "a [ is not closed"), ("[^]", "a [ is not closed"),
    ])
  func malformed(pattern: String, part: String) {
    let error = #expect(throws: SpecError.self) { try BodyPattern.parse(pattern) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }
}
