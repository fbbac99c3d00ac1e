/// Whose answer counts (`peer=`, rule 6).
public enum PeerRule: String, CaseIterable, Sendable {
  /// On this machine only the child's: a process of its tree.
  case child
  case any

  static func parse(_ text: String) throws(SpecError) -> PeerRule {
    guard let rule = PeerRule(rawValue: text) else {
      throw SpecError("\(quoted(text)) is neither child nor any")
    }
    return rule
  }
}
