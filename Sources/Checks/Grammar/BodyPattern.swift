/// The regular expression of `body=`: a POSIX extended one (regex(7)), found as `grep -E` finds
/// it: line by line, byte by byte, so that `^ok$` matches a line; `.` matches no NUL. The escapes
/// `\w \W \s \S \b \B \< \>` are understood too.
public struct BodyPattern: Sendable, Hashable {
  public let source: String

  /// - Throws: `SpecError` where the pattern is malformed, where it uses what other dialects know and
  ///   this one would silently take literally, and where it is too large.
  static func parse(_ source: String) throws(SpecError) -> BodyPattern {
    if source.isEmpty { throw SpecError("the regular expression is empty") }
    _ = try PatternProgram(source)
    return BodyPattern(source: source)
  }
}

/// A compiled `BodyPattern`.
final class BodyMatcher {
  private let program: PatternProgram

  init(_ pattern: BodyPattern) throws(SpecError) {
    program = try PatternProgram(pattern.source)
  }

  /// Whether the pattern is found in these bytes, which may hold NULs. Takes time for each byte in
  /// proportion to the pattern's size at most, whatever the bytes are.
  func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var search = PatternSearch(program)
    return search.finds(in: bytes)
  }
}
