/// What is wrong with a `--pass`, in one line that also says what would be right.
public struct HandoverError: Error, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}
