import Checks

/// The checks of a command line and their defaults, read but not yet judged (DESIGN.md, 1.1).
public struct CheckOptions: Sendable {
  /// SPECs of one kind, in the order given.
  public var specs: [(kind: CheckSpec.Kind, texts: [String])] = []
  public var interval: String?
  public var timeout: String?
  public var fall = 3
  public var rise = 1

  public init() {}
}
