/// What `json=` asks of an answer's body: a value at a path.
public struct JSONExpectation: Sendable, Hashable {
  enum Value: Sendable, Hashable {
    case null
    case boolean(Bool)
    case number(JSONNumber)
    /// In UTF-8: characters that look the same are not taken as the same.
    case string([UInt8])
  }

  let path: JSONPath
  let value: Value
  /// The value as JSON writes it, for messages.
  let shownValue: String

  /// `PATH=VALUE`: the value is what JSON takes for a number, `true`, `false`, `null` or a string in
  /// double quotes; everything else is a string as it stands.
  static func parse(_ text: String) throws(SpecError) -> JSONExpectation {
    let (path, rest) = try JSONPath.parse(text)
    guard let rest else {
      throw SpecError("it expects no value of \(shown(path.description)): \(JSONPath.form)")
    }
    switch rest.first {
    case nil:
      throw SpecError(
        "the value of \(shown(path.description)) is empty: write \"\" for an empty string")
    case "=":
      throw SpecError(
        "one = stands between path and value: a string that begins with = stands in double quotes")
    case "{", "[":
      throw SpecError(
        "an object or array cannot be expected: give a string, number, true, false or null")
    default: break
    }
    var isUnfinished = false
    let value: Value? = Array(rest.utf8).withUnsafeBytes { bytes in
      var cursor = JSONCursor(bytes)
      switch rest {
      case "null": return .null
      case "true": return .boolean(true)
      case "false": return .boolean(false)
      default: break
      }
      if rest.hasPrefix("\"") {
        if let text = cursor.string(), cursor.isAtEnd, let contents = cursor.contents(of: text) {
          return .string(contents)
        }
        isUnfinished = true
        return nil
      }
      if let number = cursor.number(), cursor.isAtEnd { return .number(JSONNumber(bytes[number])) }
      return .string(Array(bytes))
    }
    guard let value, !isUnfinished else {
      throw SpecError("\(quoted(rest)) is not a string as JSON writes it")
    }
    var shownValue = shown(rest)
    if case .string = value, !rest.hasPrefix("\"") { shownValue = "\"\(shownValue)\"" }
    return JSONExpectation(path: path, value: value, shownValue: shownValue)
  }

  /// Judges a body.
  ///
  /// - Returns: why it is not as expected, in words that show nothing of it; nil where it is.
  func problem(of body: UnsafeRawBufferPointer) -> String? {
    if body.isEmpty { return "the body is empty" }
    let found: JSONSearch.Found
    do {
      found = try JSONSearch.find(path, in: body)
    } catch .malformed {
      return "the body is not JSON"
    } catch {
      return "the body is nested deeper than \(JSONSearch.depthLimit) levels"
    }
    guard let came = difference(found, in: body) else { return nil }
    return "json \(shown(path.description)): expected \(shownValue), \(came)"
  }

  /// Nil where it is the value that is expected.
  private func difference(_ found: JSONSearch.Found, in body: UnsafeRawBufferPointer) -> String? {
    switch (found, value) {
    case (.null, .null): return nil
    case (.boolean(let came), .boolean(let expected)):
      return came == expected ? nil : "got \(came)"
    case (.number(let token), .number(let expected)):
      return JSONNumber(body[token]) == expected ? nil : "got another number"
    case (.string(let text), .string(let expected)):
      return JSONCursor(body).contents(of: text) == expected ? nil : "got another string"
    case (.nothing, _): return "not there"
    case (.null, _): return "got null"
    case (.boolean, _): return "got a boolean"
    case (.number, _): return "got a number"
    case (.string, _): return "got a string"
    case (.array, _): return "got an array"
    case (.object, _): return "got an object"
    }
  }
}
