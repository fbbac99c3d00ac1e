/// FDNAME of a socket of vouch's own in systemd's descriptor store (sd_notify(3)), by which it is known
/// again after a restart: `vouch-listen/8080`, `vouch-listen//run/app.sock`.
///
/// It stands for all that cannot be changed about a socket that is open: of another address, or with
/// another of those options, it is another socket. The name that the child sees is not in it, since it
/// may change.
public struct StoreMark: Hashable, Sendable, CustomStringConvertible {
  /// What no name of a .socket unit, and none that the child stores under, begins with.
  public static let prefix = "vouch-listen/"

  /// Printable ASCII without a colon, at most 255 bytes.
  public let description: String

  public init(_ spec: ListenSpec) {
    var text = Self.prefix
    if let v6Only = spec.options.v6Only { text += v6Only ? "v6only/" : "v6only=no/" }
    if spec.options.reusePort { text += "reuse-port/" }
    text += Self.escaped(spec.address.description)
    // Which a path of many characters beyond ASCII may be.
    if text.utf8.count > 255 { text = Self.prefix + "#" + Self.hash(text) }
    description = text
  }

  /// Whether a received descriptor is one that vouch stored.
  public static func isOwn(_ name: String) -> Bool { name.hasPrefix(prefix) }

  /// Whatever is not allowed in FDNAME, and the percent sign, as in a URL.
  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for byte in text.utf8 {
      if (0x21...0x7E).contains(byte), byte != UInt8(ascii: ":"), byte != UInt8(ascii: "%") {
        escaped.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        escaped += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return escaped
  }

  /// FNV-1a of 64 bits.
  private static func hash(_ text: String) -> String {
    let value = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(value, radix: 16)
  }
}
