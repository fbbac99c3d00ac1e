/// One `--listen "[NAME=]ADDRESS key=value …"`.
public struct ListenSpec: Hashable, Sendable {
  /// As it was written.
  public var text: String
  /// What the child finds in LISTEN_FDNAMES, and `@NAME` of a check; nil where none was given.
  public var name: String?
  public var address: ListenAddress
  public var options = ListenOptions()

  /// Reads one. Pure: nothing is opened, and no name looked up.
  ///
  /// - Parameters:
  ///   - text: as it was written, for messages.
  ///   - words: its words, quotes and backslashes taken out.
  /// - Throws: `ListenMistake` whose message begins with the flag.
  public init(text: String, words: [String]) throws(ListenMistake) {
    self.text = text
    do throws(ListenMistake) {
      guard let first = words.first, !first.isEmpty else {
        throw ListenMistake("it names no address: write \(ListenAddress.forms)")
      }
      let (name, place) = try Self.split(first)
      self.name = name
      address = try ListenAddress(parsing: place)
      options = try ListenOptions(parsing: words.dropFirst(), for: address)
    } catch {
      throw ListenMistake("--listen \(quoted(text)): \(error.message)")
    }
  }

  /// NAME and ADDRESS. A name has no colon, and no address but a path has an equals sign.
  private static func split(_ word: String) throws(ListenMistake) -> (String?, Substring) {
    guard let equals = word.firstIndex(of: "="), !word.hasPrefix("/"), !word.hasPrefix("@"),
      !word.hasPrefix("["), !word[..<equals].contains(":")
    else { return (nil, word[...]) }
    let name = word[..<equals]
    if ListenOptions.keys.contains(String(name)) {
      throw ListenMistake("the address comes first, then its options such as \(name)=")
    }
    // fdname_is_valid() of systemd's src/basic/fd-util.c.
    guard (1...255).contains(name.utf8.count),
      name.utf8.allSatisfy({ (0x20..<0x7F).contains($0) })
    else {
      throw ListenMistake(
        "\(quoted(name)) is no name for a socket: 1 to 255 ASCII characters without a colon")
    }
    return (String(name), word[word.index(after: equals)...])
  }

  /// Finds those that cannot be together.
  public static func requireDistinct(_ specs: [ListenSpec]) throws(ListenMistake) {
    for (index, spec) in specs.enumerated() {
      for earlier in specs[..<index] where spec.address.collides(with: earlier.address) {
        if spec.address != earlier.address {
          // Several may share a port where each of them says so (socket(7)).
          if spec.options.reusePort, earlier.options.reusePort { continue }
          // [::] beside 0.0.0.0.
          if spec.isV6Alone != earlier.isV6Alone, spec.isV6Alone || earlier.isV6Alone,
            spec.isV4 || earlier.isV4
          {
            continue
          }
        }
        throw ListenMistake(
          "--listen \(quoted(spec.text)) and --listen \(quoted(earlier.text)) want the same "
            + "address: leave one of them out")
      }
    }
  }

  private var isV6Alone: Bool { address.mayBeV6 && options.v6Only == true }
  private var isV4: Bool { if case .ip4 = address.place { true } else { false } }
}
