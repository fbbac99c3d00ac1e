/// A number written in ASCII digits alone: no sign, no blanks; nil also when it does not fit.
func wholeNumber(_ text: some StringProtocol) -> Int? {
  guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
    return nil
  }
  return Int(text)
}
