/// What is wrong with a `--listen`: one line that says what was wrong and what would be right. To be
/// shown with exit status 64.
public struct ListenMistake: Error, Hashable, CustomStringConvertible {
  public var message: String
  public var description: String { message }

  public init(_ message: String) { self.message = message }
}

/// The text as it may stand in a message of one line: control characters become `?`, and what is longer
/// than 200 characters is cut.
func oneLine(_ text: some StringProtocol) -> String {
  var line = ""
  for (count, scalar) in text.unicodeScalars.enumerated() {
    if count == 200 { return line + "…" }
    line.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
  }
  return line
}

/// The same in double quotes.
func quoted(_ text: some StringProtocol) -> String { "\"\(oneLine(text))\"" }

/// A number written in ASCII digits alone: no sign, no blanks; nil also when it does not fit.
func wholeNumber(_ text: some StringProtocol) -> Int? {
  guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
    return nil
  }
  return Int(text)
}
