import Testing

@testable import Checks

@Suite("Shell words")
struct ShellWordsTests {
  @Test(
    "text is split as a shell splits it",
    arguments: [
      ("", []),
      ("  \t\n ", []),
      ("a b", ["a", "b"]),
      ("  a \t b\nc ", ["a", "b", "c"]),
      ("'a b' \"c d\"", ["a b", "c d"]),
      ("a'b'\"c\"d", ["abcd"]),
      ("''", [""]),
      ("a '' b", ["a", "", "b"]),
      ("\"\"''", [""]),
      ("a\\ b", ["a b"]),
      ("\\'", ["'"]),
      ("\\\\", ["\\"]),
      ("'\\n'", ["\\n"]),
      ("\"\\$\\`\\\"\\\\\"", ["$`\"\\"]),
      ("\"\\n\\'\"", ["\\n\\'"]),
      ("a\\\nb", ["ab"]),
      ("\"a\\\nb\"", ["ab"]),
      ("'a\\\nb'", ["a\\\nb"]),
      ("$HOME ~ * `x` #y", ["$HOME", "~", "*", "`x`", "#y"]),
      ("header='A: \"b\"'", ["header=A: \"b\""]),
      ("\"it's\"", ["it's"]),
      ("é\u{301} 'ü'", ["é\u{301}", "ü"]),
    ] as [(String, [String])])
  func split(text: String, words: [String]) throws {
    #expect(try ShellWords.split(text) == words)
  }

  @Test(
    "what is not closed is an error",
    arguments: [
      ("'a", "a quote (') is not closed"),
      ("\"a", "a quote (\") is not closed"),
      ("a\"b\\\"", "a quote (\") is not closed"),
      ("\"\\", "a quote (\") is not closed"),
      ("a\\", "a backslash at the end escapes nothing"),
    ])
  func unclosed(text: String, message: String) {
    #expect(throws: SpecError(message)) { try ShellWords.split(text) }
  }
}
