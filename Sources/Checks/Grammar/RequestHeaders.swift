/// What `header=` says about the headers of a request: which to add, to replace and to leave out.
public struct RequestHeaders: Sendable, Hashable {
  public struct Field: Sendable, Hashable {
    public var name: String
    public var value: String
  }

  /// In the order given. A name among the defaults replaces the default.
  public private(set) var fields: [Field] = []
  /// The defaults to leave out, in lower case.
  public private(set) var removed: Set<String> = []

  /// The headers that every request has unless `header=` says otherwise, in lower case.
  private static let removable: Set<String> = ["user-agent", "accept"]
  /// What vouch alone decides: how long the message is, and that the connection ends after it.
  private static let fixed: Set<String> = ["content-length", "transfer-encoding", "connection"]

  init() {}

  public func has(_ lowercasedName: String) -> Bool {
    removed.contains(lowercasedName) || fields.contains { $0.name.lowercased() == lowercasedName }
  }

  /// Takes in one `Name: value` (RFC 9110, 5.1 and 5.5); an empty value removes a default header.
  mutating func add(_ text: String) throws(SpecError) {
    guard let colon = text.firstIndex(of: ":") else {
      throw SpecError("the header \(quoted(text)) has no colon: write header='Name: value'")
    }
    let name = text[..<colon]
    let value = text[text.index(after: colon)...].trimmingBlanks()
    guard isToken(name) else {
      throw SpecError("\(quoted(String(name))) is not the name of a header")
    }
    let lower = name.lowercased()
    if Self.fixed.contains(lower) {
      throw SpecError("the header \(name) cannot be set: vouch decides it itself")
    }
    guard value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
      throw SpecError("the value of the header \(name) has a control character in it")
    }
    if value.isEmpty {
      guard Self.removable.contains(lower) else {
        throw SpecError(
          "the header \(name) is empty: only User-Agent and Accept can be left out that way")
      }
      if has(lower) { throw SpecError("the header \(name) is both set and removed") }
      removed.insert(lower)
      return
    }
    if removed.contains(lower) { throw SpecError("the header \(name) is both set and removed") }
    // RFC 9112, 3.2: a server must refuse a request with two of them.
    if lower == "host", has("host") { throw SpecError("the header Host is given twice") }
    fields.append(Field(name: String(name), value: value))
  }
}

/// A token of RFC 9110, 5.6.2.
func isToken(_ text: some StringProtocol) -> Bool {
  !text.isEmpty
    && text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default:
        "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
    }
}

extension Substring {
  /// Without the spaces and tabs at both ends (OWS of RFC 9110, 5.6.3).
  fileprivate func trimmingBlanks() -> String {
    var text = self.unicodeScalars
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
