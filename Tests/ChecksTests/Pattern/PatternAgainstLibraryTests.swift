import Glibc
import Testing

@testable import Checks

/// The matcher finds what the C library's finds, with the patterns that one can take.
@Suite("body= beside regexec(3)")
struct PatternAgainstLibraryTests {
  private func library(_ pattern: String, _ body: String) -> Bool? {
    var regex = regex_t()
    guard regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) == 0 else { return nil }
    defer { regfree(&regex) }
    return regexec(&regex, body, 0, nil, 0) == 0
  }

  @Test("random patterns over random bodies")
  func random() throws {
    // Not (b$){2}: glibc 2.36 finds it in "bb", where no line ends between the two.
    let atoms = [
      "a", "b", "ab", ".", "[ab]", "[^a]", "[b-d_]", "[[:alpha:]]", "(a|b)", "(ab|c)", "(a)",
      "(|b)",
      "\\w", "\\W", "\\s", "\\S", "\\.", "-", " ", "\n", "[]a]", "[^]b]", "[a-]", "[[.a.]c]",
    ]
    let places = ["^", "$", "\\b", "\\B", "\\<", "\\>"]
    let counts = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}", "{,2}"]
    let letters = Array("aabbc_. -\n]d").map(String.init)
    var random = RandomInputTests.Generator(state: 4)
    func pick(_ list: [String]) -> String { list.randomElement(using: &random) ?? "" }
    var found = 0
    for _ in 0..<5000 {
      var pattern = ""
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        switch Int.random(in: 0...9, using: &random) {
        case 0: pattern += pick(places)
        case 1: pattern += "|" + pick(atoms)
        case 2: pattern = "(" + pattern + ")" + pick(counts)
        default: pattern += pick(atoms) + pick(counts)
        }
      }
      let body = (0..<Int.random(in: 0...8, using: &random)).map { _ in pick(letters) }.joined()
      guard let expected = library(pattern, body) else { continue }
      let matcher = try BodyMatcher(BodyPattern(source: pattern))
      let came = Array(body.utf8).withUnsafeBytes(matcher.matches)
      #expect(came == expected, "\(pattern.debugDescription) in \(body.debugDescription)")
      if expected { found += 1 }
    }
    #expect((500...4500).contains(found), "both happen, \(found) times")
  }
}
