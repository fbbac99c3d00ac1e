/// Splits text into words as a shell does (POSIX.1-2017, Shell Command Language, 2.2 Quoting), and
/// expands nothing: `$`, `` ` ``, `*` and `~` are ordinary characters.
public enum ShellWords {
  /// The words of `text`, without their quotes.
  ///
  /// Blanks and newlines separate words. `'…'` keeps everything; `"…"` keeps everything but a
  /// backslash before `$`, `` ` ``, `"`, `\` or a newline; elsewhere a backslash keeps the next
  /// character. A backslash before a newline joins the lines. `''` is an empty word.
  ///
  /// - Throws: `SpecError` for a quote that is not closed and for a backslash at the end.
  public static func split(_ text: String) throws(SpecError) -> [String] {
    var words: [String] = []
    // Nil between words: an empty word is one too.
    var word: String.UnicodeScalarView? = nil
    var rest = text.unicodeScalars[...]

    while let scalar = rest.popFirst() {
      switch scalar {
      case " ", "\t", "\n":
        if let finished = word { words.append(String(finished)) }
        word = nil
      case "'":
        let end = try closing("'", in: rest)
        word.append(contentsOf: rest[..<end])
        rest = rest[rest.index(after: end)...]
      case "\"":
        word.append(contentsOf: try doubleQuoted(&rest))
      case "\\":
        guard let next = rest.popFirst() else {
          throw SpecError("a backslash at the end escapes nothing")
        }
        if next != "\n" { word.append(contentsOf: CollectionOfOne(next)) }
      default:
        word.append(contentsOf: CollectionOfOne(scalar))
      }
    }
    if let finished = word { words.append(String(finished)) }
    return words
  }

  private static func closing(
    _ quote: Unicode.Scalar, in rest: Substring.UnicodeScalarView
  ) throws(SpecError) -> String.Index {
    guard let end = rest.firstIndex(of: quote) else {
      throw SpecError("a quote (\(quote)) is not closed")
    }
    return end
  }

  /// What stands up to the closing `"`, which is taken from `rest` too.
  private static func doubleQuoted(
    _ rest: inout Substring.UnicodeScalarView
  ) throws(SpecError) -> [Unicode.Scalar] {
    var inside: [Unicode.Scalar] = []
    while let scalar = rest.popFirst() {
      if scalar == "\"" { return inside }
      if scalar == "\\", let next = rest.first {
        switch next {
        case "$", "`", "\"", "\\":
          inside.append(next)
          rest.removeFirst()
          continue
        case "\n":
          rest.removeFirst()
          continue
        default: break
        }
      }
      inside.append(scalar)
    }
    throw SpecError("a quote (\") is not closed")
  }
}

extension String.UnicodeScalarView? {
  /// Begins a word where there is none.
  fileprivate mutating func append(contentsOf scalars: some Sequence<Unicode.Scalar>) {
    if self == nil { self = .init() }
    self!.append(contentsOf: scalars)
  }
}
