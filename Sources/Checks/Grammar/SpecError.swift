/// What is wrong with something the administrator wrote: one line that says what was wrong, where,
/// and what would be right. To be shown after `vouch: `, with exit status 64.
public struct SpecError: Error, Equatable, CustomStringConvertible {
  public let message: String
  public var description: String { message }

  public init(_ message: String) {
    self.message = message
  }
}

/// The text as it may stand in a message of one line: control characters become `?`, and what is
/// longer than 200 characters is cut.
func shown(_ text: String) -> String {
  var line = ""
  var length = 0
  for scalar in text.unicodeScalars {
    if length == 200 { return line + "…" }
    line.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
    length += 1
  }
  return line
}

/// The text in double quotes, fit for a message of one line.
func quoted(_ text: String) -> String {
  "\"\(shown(text))\""
}
