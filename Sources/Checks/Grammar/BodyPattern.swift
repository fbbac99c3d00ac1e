import Glibc

/// The regular expression of `body=`: a POSIX extended one (regex(7)), found as `grep -E` finds
/// it: line by line, byte by byte, so that `^ok$` matches a line; `.` matches no NUL. glibc's `\w \W \s \S \b \B \< \>`
/// are understood too.
public struct BodyPattern: Sendable, Hashable {
  public let source: String

  /// - Throws: `SpecError` where the pattern is malformed, and where it uses what other dialects
  ///   know and this one would silently take literally.
  static func parse(_ source: String) throws(SpecError) -> BodyPattern {
    if source.isEmpty { throw SpecError("the regular expression is empty") }
    try refuseOtherDialects(source)
    guard PatternSize.of(source) != nil else {
      throw SpecError(
        "the regular expression is too large: with its counts written out ({9} as nine times), it "
          + "has more than \(PatternSize.limit) parts")
    }
    // Alone first: inside the group that `BodyMatcher` puts it in, `a)(b` would be well-formed.
    var alone = try BodyMatcher.compile(source)
    regfree(&alone)
    return BodyPattern(source: source)
  }

  private static func refuseOtherDialects(_ source: String) throws(SpecError) {
    var rest = source.utf8[...]
    var inBrackets = false
    while let byte = rest.popFirst() {
      if inBrackets {
        switch byte {
        case UInt8(ascii: "]"): inBrackets = false
        case UInt8(ascii: "["):
          skipClass(&rest)
        case UInt8(ascii: "\\"):
          if let next = rest.first, isLetterOrDigit(next) {
            throw SpecError(
              "\\\(Character(Unicode.Scalar(next))) between brackets is a backslash and a letter "
                + "in a POSIX regular expression: write [[:digit:]], [[:space:]] or [[:alnum:]_]")
          }
        default: break
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "["):
        inBrackets = true
        // A `]` that comes first, or first after `^`, stands for itself.
        if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
        if rest.first == UInt8(ascii: "]") { rest.removeFirst() }
      case UInt8(ascii: "("):
        if rest.first == UInt8(ascii: "?") {
          throw SpecError(
            "(? is not known to a POSIX regular expression: a plain group is written (…)")
        }
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst() else {
          throw SpecError("the regular expression ends in a backslash: write \\\\ for one")
        }
        if isLetterOrDigit(next), !"wWsSbB".utf8.contains(next) {
          throw SpecError(refusal(of: next))
        }
      default: break
      }
    }
  }

  private static func refusal(of escaped: UInt8) -> String {
    let escape = "\\\(Character(Unicode.Scalar(escaped)))"
    switch escaped {
    case UInt8(ascii: "d"): return "\(escape) is not known here: write [0-9]"
    case UInt8(ascii: "D"): return "\(escape) is not known here: write [^0-9]"
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return "\(escape) is not possible: a back-reference can take for ever to match"
    default:
      return "\(escape) is not known to a POSIX extended regular expression: the escapes are "
        + "\\w \\W \\s \\S \\b \\B \\< \\> and a backslash before a punctuation mark"
    }
  }

  /// Past `[:name:]`, `[.name.]` and `[=name=]`, after their first bracket.
  static func skipClass(_ rest: inout Substring.UTF8View) {
    guard let mark = rest.first, ":.=".utf8.contains(mark) else { return }
    var scan = rest.dropFirst()
    while let byte = scan.popFirst() {
      if byte == mark, scan.first == UInt8(ascii: "]") {
        rest = scan.dropFirst()
        return
      }
    }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

/// A compiled `BodyPattern`.
final class BodyMatcher {
  private var regex: regex_t

  init(_ pattern: BodyPattern) throws(SpecError) {
    // glibc looks for a match from every byte in turn, which takes quadratic time for a pattern
    // like `[a-z]*ok`: seconds for 64 KiB, in which the loop would stand still. Anchored at the
    // start of the text (\`, a GNU extension) with any bytes in front, one pass finds the same. A
    // dot would not do for them: it matches neither a newline nor a NUL.
    regex = try Self.compile("\\`([^a]|[a\n])*(" + pattern.source + ")")
  }

  deinit { regfree(&regex) }

  /// Whether the pattern is found in these bytes, which may hold NULs.
  func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // REG_STARTEND (a BSD interface that glibc has too): the range is given in the match.
    var range = regmatch_t(rm_so: 0, rm_eo: regoff_t(bytes.count))
    guard let base = bytes.baseAddress else {
      return regexec(&regex, "", 0, &range, REG_STARTEND) == 0
    }
    return regexec(
      &regex, base.assumingMemoryBound(to: CChar.self), 0, &range, REG_STARTEND) == 0
  }

  fileprivate static func compile(_ source: String) throws(SpecError) -> regex_t {
    var regex = regex_t()
    let code = regcomp(&regex, source, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)
    guard code == 0 else {
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        regerror(code, &regex, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
      }
      throw SpecError("the regular expression is malformed: \(text)")
    }
    return regex
  }
}
