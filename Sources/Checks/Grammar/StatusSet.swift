/// The HTTP statuses that count as healthy: the value of `status=`.
public struct StatusSet: Sendable, Hashable, CustomStringConvertible {
  /// In the order in which they were written.
  private let ranges: [ClosedRange<Int>]
  /// As it was written, for messages.
  public let description: String

  /// 200 to 399, as Kubernetes judges an answer.
  public static let standard = StatusSet(ranges: [200...399], description: "200-399")

  public func contains(_ status: Int) -> Bool {
    ranges.contains { $0.contains(status) }
  }

  /// Codes and ranges separated by commas, such as `200,204,300-399`, or `any`. RFC 9110, 15 has
  /// statuses from 100 to 599.
  static func parse(_ text: String) throws(SpecError) -> StatusSet {
    if text == "any" { return StatusSet(ranges: [100...599], description: "any") }
    var ranges: [ClosedRange<Int>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      var codes: [Int] = []
      for end in ends {
        guard end.utf8.count == 3, let code = wholeNumber(end), (100...599).contains(code) else {
          throw SpecError(
            "\(quoted(String(part))) is not a status: write codes and ranges from 100 to 599, "
              + "such as 200,204,300-399, or any")
        }
        codes.append(code)
      }
      let first = codes[0]
      let last = codes[codes.count - 1]
      guard first <= last else {
        throw SpecError("the range of statuses \(quoted(String(part))) runs backwards")
      }
      ranges.append(first...last)
    }
    return StatusSet(ranges: ranges, description: text)
  }
}
