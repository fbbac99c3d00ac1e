/// The variables of a file in the format of EnvironmentFile= (systemd.exec(5)).
///
/// A line is `NAME=value`. Blank lines, lines without `=` and lines that begin with `#` or `;` are
/// passed over. Around a value, and around the parts of it that stand in quotes, white space is cut
/// off. Outside quotes a backslash keeps the character behind it, and a line's end behind it is
/// nothing; quotes count as such only in front of the first other character. Between single quotes
/// everything stands for itself; between double quotes a backslash keeps `"`, `\`, `` ` `` and `$`,
/// swallows a line's end, and is itself elsewhere. Both may span lines.
public struct EnvironmentFile: Hashable, Sendable {
  public struct Variable: Hashable, Sendable {
    public var name: String
    public var value: [UInt8]
  }

  /// In their order; of several with one name the last counts.
  public private(set) var variables: [Variable] = []
  /// Names that no variable can have: those lines are passed over, as systemd does. Escaped for
  /// messages.
  public private(set) var invalidNames: [String] = []

  public enum Malformed: Error, Hashable, CustomStringConvertible {
    case hasNUL
    case isNotUTF8(line: Int)

    public var description: String {
      switch self {
      case .hasNUL: "it holds a NUL byte, so it is no text"
      case .isNotUTF8(let line): "what begins in line \(line) is not UTF-8"
      }
    }
  }

  /// - Throws: `Malformed` for what systemd refuses as a whole.
  public init(parsing text: [UInt8]) throws(Malformed) {
    guard !text.contains(0) else { throw .hasNUL }
    var scanner = Scanner(text: text[...])
    while let (name, value, line) = scanner.next() {
      guard isUTF8(name), isUTF8(value) else { throw .isNotUTF8(line: line) }
      let text = String(decoding: name, as: UTF8.self)
      if Self.isName(name) {
        variables.append(Variable(name: text, value: value))
      } else {
        invalidNames.append(text)
      }
    }
  }

  /// POSIX's names of variables, which are systemd's (env_name_is_valid in src/basic/env-util.c).
  private static func isName(_ name: [UInt8]) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    guard let first = name.first, isLetter(first) else { return false }
    return name.allSatisfy { isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}

private func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

/// Goes through the text from one assignment to the next.
private struct Scanner {
  var text: ArraySlice<UInt8>
  private var line = 1

  init(text: ArraySlice<UInt8>) { self.text = text }

  mutating func next() -> (name: [UInt8], value: [UInt8], line: Int)? {
    while true {
      skip { isSpace($0) || isLineEnd($0) }
      guard let first = text.first else { return nil }
      if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") {
        skip { !isLineEnd($0) }
        continue
      }
      let begin = line
      // A line that begins with the sign has it in its name, as systemd reads it: so it is none.
      _ = pop()
      let name = [first] + take { !isLineEnd($0) && $0 != UInt8(ascii: "=") }
      guard text.first == UInt8(ascii: "=") else { continue }
      _ = pop()
      return (trimmed(name), value(), begin)
    }
  }

  private mutating func value() -> [UInt8] {
    var value: [UInt8] = []
    while true {
      skip(while: isSpace)
      guard let byte = pop() else { return value }
      switch byte {
      case UInt8(ascii: "'"): value += singleQuoted()
      case UInt8(ascii: "\""): value += doubleQuoted()
      case _ where isLineEnd(byte): return value
      default: return value + unquoted(from: byte)
      }
    }
  }

  /// Up to the end of the line: quotes stand for themselves from here on.
  private mutating func unquoted(from first: UInt8) -> [UInt8] {
    var value: [UInt8] = []
    // White space behind this is cut off. What stands before a backslash stays, as systemd has it.
    var kept = 0
    var next: UInt8? = first
    while let byte = next, !isLineEnd(byte) {
      if byte == UInt8(ascii: "\\") {
        if let escaped = pop(), !isLineEnd(escaped) { value.append(escaped) }
        kept = value.count
      } else {
        value.append(byte)
        if !isSpace(byte) { kept = value.count }
      }
      next = pop()
    }
    return Array(value[..<kept])
  }

  private mutating func singleQuoted() -> [UInt8] {
    let value = take { $0 != UInt8(ascii: "'") }
    _ = pop()
    return value
  }

  private mutating func doubleQuoted() -> [UInt8] {
    var value: [UInt8] = []
    while let byte = pop(), byte != UInt8(ascii: "\"") {
      guard byte == UInt8(ascii: "\\") else {
        value.append(byte)
        continue
      }
      guard let escaped = pop() else { break }
      if escaped == UInt8(ascii: "\n") { continue }
      if !Array("\"\\`$".utf8).contains(escaped) { value.append(byte) }
      value.append(escaped)
    }
    return value
  }

  private mutating func pop() -> UInt8? {
    guard let byte = text.popFirst() else { return nil }
    if byte == UInt8(ascii: "\n") { line += 1 }
    return byte
  }

  private mutating func skip(while condition: (UInt8) -> Bool) { _ = take(while: condition) }

  private mutating func take(while condition: (UInt8) -> Bool) -> [UInt8] {
    var taken: [UInt8] = []
    while let byte = text.first, condition(byte) {
      taken.append(byte)
      _ = pop()
    }
    return taken
  }

  private func trimmed(_ name: [UInt8]) -> [UInt8] {
    let end = name.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? 0
    return Array(name[..<end])
  }
}

private func isSpace(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

private func isLineEnd(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
}
