/// A place in a JSON document: `status.db`, `checks[0].ok`, `["a.b"].c`.
public struct JSONPath: Sendable, Hashable, CustomStringConvertible {
  enum Step: Sendable, Hashable {
    /// An object's member, its name in UTF-8.
    case key([UInt8])
    /// An array's element, from 0 on.
    case index(Int)
  }

  /// One at least.
  let steps: [Step]
  /// As it was written, for messages.
  public let description: String

  /// Reads a path from the beginning of a text up to its end or the first `=` that is not in quotes.
  ///
  /// - Returns: the path, and what follows the `=`; nil where there is none.
  /// - Throws: `SpecError` where it is malformed.
  static func parse(_ text: String) throws(SpecError) -> (JSONPath, rest: String?) {
    let bytes = Array(text.utf8)
    var steps: [Step] = []
    var position = 0
    while position < bytes.count, bytes[position] != UInt8(ascii: "=") {
      if bytes[position] == UInt8(ascii: "[") {
        steps.append(try bracket(bytes, &position, text))
        continue
      }
      if bytes[position] == UInt8(ascii: ".") {
        if steps.isEmpty { throw malformed(text, "without the dot in front") }
        position += 1
      } else if !steps.isEmpty {
        throw malformed(text, "with a dot between the names")
      }
      let name = bytes[position...].prefix(while: isNamePart)
      if name.isEmpty {
        throw malformed(
          text, "with letters, digits, _ and - in a name, and any other name as [\"NAME\"]")
      }
      steps.append(.key(Array(name)))
      position += name.count
    }
    if steps.isEmpty { throw SpecError("it names no path: \(form)") }
    let written = String(decoding: bytes[..<position], as: UTF8.self)
    let rest =
      position < bytes.count ? String(decoding: bytes[(position + 1)...], as: UTF8.self) : nil
    return (JSONPath(steps: steps, description: written), rest)
  }

  /// How it is written.
  static let form = "write json=PATH=VALUE, as in json=status.db=up or json='checks[0].ok=true'"

  private static func malformed(_ text: String, _ hint: String) -> SpecError {
    SpecError("the path in \(quoted(text)) is written \(hint), as in checks[0].ok")
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...:
      true
    default: false
    }
  }

  /// `[0]` or `["name"]`, the name as JSON writes it.
  private static func bracket(
    _ bytes: [UInt8], _ position: inout Int, _ text: String
  ) throws(SpecError) -> Step {
    let start = position + 1
    let step: (Step, end: Int)? = bytes.withUnsafeBytes { bytes in
      var cursor = JSONCursor(UnsafeRawBufferPointer(rebasing: bytes[start...]))
      if let name = cursor.string() {
        guard let key = cursor.contents(of: name) else { return nil }
        return (.key(key), start + cursor.position)
      }
      cursor = JSONCursor(cursor.bytes)
      // A number of JSON's may have a sign, a fraction and an exponent.
      guard let number = cursor.number(),
        let index = wholeNumber(String(decoding: cursor.bytes[number], as: UTF8.self))
      else { return nil }
      return (.index(index), start + cursor.position)
    }
    guard let step, step.end < bytes.count, bytes[step.end] == UInt8(ascii: "]") else {
      throw SpecError(
        "between the brackets in \(quoted(text)) stands a number from 0 on or a name in double "
          + "quotes, as in checks[0] or [\"a.b\"]")
    }
    position = step.end + 1
    return step.0
  }
}
