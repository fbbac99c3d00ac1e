/// Who has to report, as `--heartbeat` names it.
public enum HeartbeatTarget: Hashable, Sendable {
  /// `notify`: the program itself, with the protocol of sd_notify(3).
  case program
  /// A component of it, with `vouch beat NAME`.
  case component(String)

  /// - Throws: `SpecError` where the text can be no component's name.
  static func parse(_ text: String) throws(SpecError) -> HeartbeatTarget {
    if text == "notify" { return .program }
    guard isComponent(text) else {
      throw SpecError("\(quoted(text)) is not a component's name: \(nameRule)")
    }
    return .component(text)
  }

  /// Whether a text can be a component's name: it stands in a line of a datagram, in STATUS, and on the
  /// command line of `vouch beat`.
  public static func isComponent(_ text: String) -> Bool {
    guard text != "notify", (1...64).contains(text.utf8.count),
      let first = text.utf8.first, isWord(first)
    else { return false }
    return text.utf8.allSatisfy {
      isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }

  /// What would be right, for messages.
  public static let nameRule =
    "1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first; \"notify\" "
    + "stands for the program's own sd_notify"

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
