/// Whose listen queue to look at, and how full it may be.
public struct BacklogSpec: Sendable, Hashable {
  /// How full a listen queue may be.
  public enum Limit: Sendable, Hashable {
    /// Of the backlog that the program gave to listen(2), 1 to 100.
    case percent(Int)
    /// Connections that wait; 0 or more.
    case count(Int)
  }

  public var target: Target
  public var limit = Limit.percent(80)

  static let keys = ["max"]

  static func parse(_ text: String, _ options: SpecOptions) throws(SpecError) -> BacklogSpec {
    var spec = BacklogSpec(target: try Target.parseStream(text))
    if case .host(let name, _) = spec.target, name.lowercased() != "localhost" {
      throw SpecError(
        "a listen queue is looked at on this machine: write :PORT, ADDRESS:PORT, @NAME or unix:/PATH "
          + "in place of the host \(quoted(name))")
    }
    if let limit = try options.value("max", parseLimit) { spec.limit = limit }
    return spec
  }

  private static func parseLimit(_ text: String) throws(SpecError) -> Limit {
    if text.hasSuffix("%"), let percent = wholeNumber(text.dropLast()), (1...100).contains(percent)
    {
      return .percent(percent)
    }
    if let count = wholeNumber(text), count <= Int(UInt32.max) { return .count(count) }
    throw SpecError(
      "\(quoted(text)) is not a limit: write a share of the backlog, 1% to 100%, or a number of "
        + "connections")
  }
}
