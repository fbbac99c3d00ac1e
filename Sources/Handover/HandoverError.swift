/// What is wrong with a `--pass`, in one line that also says what would be right.
public struct HandoverError: Error, Hashable, CustomStringConvertible {
  public let description: String

  /// - Parameter text: may hold what others gave: paths, names, arguments. It is made one line, of a
  ///   length that a log takes.
  init(_ text: String) {
    let line = text.unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? "?" : scalar
    }
    description =
      line.count <= Self.limit
      ? Self.string(line) : Self.string(line.prefix(Self.limit)) + "\u{2026}"
  }

  /// In Unicode scalars.
  private static let limit = 1000

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }
}
