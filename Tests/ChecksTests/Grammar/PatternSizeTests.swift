import Testing

@testable import Checks

@Suite("How large a regular expression of body= may be")
struct PatternSizeTests {
  @Test(
    "counts are written out",
    arguments: [
      ("abc", 3), ("a{3}", 3), ("a{2,5}", 5), ("a{3,}", 4), ("a{,4}", 4), ("a{0}", 1), ("a+", 2),
      ("a*b?", 4), ("(a*)*", 4), ("(ab){3}c", 7), ("((a{2}b){3}){2}", 18), ("[a{9}]{2}", 2),
      (#"\({3}"#, 3),
      ("[]}{]{2}", 2), ("[^]a]{4}", 4), ("[[:digit:]]{5}", 5), ("a{x}", 4), ("^ok$", 4), ("", 0),
      ("()", 1), ("(){5}", 5),
    ])
  func sizes(pattern: String, size: Int) {
    #expect(PatternSize.of(pattern) == size)
  }

  @Test(
    "what glibc would take memory and time without end for is refused at once",
    arguments: [
      "a{1001}", "(a{100}){100}", "((a{999}){999}){999}", "a{100}{100}", "(a{1,300}b){1,300}",
      // Found by fuzzing: glibc writes a+ as aa*, so that each + doubles what stands before.
      "o" + String(repeating: "+", count: 28), "(a+)" + String(repeating: "{2}", count: 20),
      // Likewise: the time doubles with each *.
      "[^-z]" + String(repeating: "*", count: 24),
      String(repeating: "(", count: 24) + "a*" + String(repeating: ")*", count: 24),
      "a{99999999999999999999}", String(repeating: "(", count: 2000),
      String(repeating: "a", count: 1001),
    ])
  func refused(pattern: String) {
    let start = ContinuousClock.now
    let error = #expect(throws: SpecError.self) { try BodyPattern.parse(pattern) }
    #expect(error?.message.contains("is too large") == true, "\(error?.message ?? "none")")
    #expect(ContinuousClock.now - start < .seconds(1))
  }
}
