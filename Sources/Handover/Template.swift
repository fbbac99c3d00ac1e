/// Text with placeholders: `{fd}`, `{fds}`, `{port}`, `{addr}`, `{path}`, each also with the name of a
/// socket, `{fd:web}`.
///
/// `{{fd}}` stands for the text `{fd}`. Everything else in braces is text as well: arguments may be
/// JSON. Bytes throughout, as arguments need not be UTF-8.
struct Template: Hashable, Sendable {
  enum Part: Hashable, Sendable {
    case text([UInt8])
    case placeholder(Placeholder)
  }

  private(set) var parts: [Part] = []
  /// Whether nothing in it has to be replaced, `{{fd}}` included.
  private(set) var isPlain = true

  init(_ bytes: [UInt8]) {
    var text: [UInt8] = []
    var rest = bytes[...]
    while let next = rest.first {
      if let (placeholder, end) = Placeholder.read(rest, braces: 2) {
        isPlain = false
        text += placeholder.text
        rest = rest[end...]
      } else if let (placeholder, end) = Placeholder.read(rest, braces: 1) {
        isPlain = false
        if !text.isEmpty { parts.append(.text(text)) }
        text = []
        parts.append(.placeholder(placeholder))
        rest = rest[end...]
      } else {
        text.append(next)
        rest = rest.dropFirst()
      }
    }
    if !text.isEmpty { parts.append(.text(text)) }
  }

  /// Whether a socket's property stands in it.
  var hasPlaceholder: Bool {
    parts.contains { if case .placeholder = $0 { true } else { false } }
  }

  /// - Throws: which placeholder cannot be filled, and why.
  func filled(with sockets: HandedSockets) throws(HandoverError) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts {
      switch part {
      case .text(let text): bytes += text
      case .placeholder(let placeholder): bytes += try placeholder.value(in: sockets)
      }
    }
    return bytes
  }
}

/// One `{…}` of a template.
struct Placeholder: Hashable, Sendable {
  enum Property: String, CaseIterable {
    /// The number of the descriptor in the child.
    case fd
    /// All numbers, with commas.
    case fds
    case port
    /// HOST:PORT
    case addr
    /// Of a Unix socket.
    case path
  }

  let property: Property
  /// Of the first socket of this name, or without one of the first of all.
  let name: [UInt8]?

  /// All, for messages.
  static let list =
    Property.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ") + ", {fd:NAME} and so on"

  /// Reads one at the beginning, between so many braces on either side.
  ///
  /// - Returns: it and the index behind it; nil where something else stands there.
  static func read(_ bytes: ArraySlice<UInt8>, braces: Int) -> (Placeholder, Int)? {
    let opening = UInt8(ascii: "{")
    let closing = UInt8(ascii: "}")
    let inner = bytes.dropFirst(braces)
    guard bytes.prefix(braces).elementsEqual(repeatElement(opening, count: braces)),
      let end = inner.firstIndex(where: { $0 == opening || $0 == closing }),
      inner[end...].prefix(braces).elementsEqual(repeatElement(closing, count: braces))
    else { return nil }
    let words = inner[..<end].split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard
      let property = Property.allCases.first(where: { $0.rawValue.utf8.elementsEqual(words[0]) })
    else { return nil }
    let name = words.count > 1 ? Array(words[1]) : nil
    return (Placeholder(property: property, name: name), end + braces)
  }

  /// As it was written, in single braces.
  var text: [UInt8] {
    Array("{\(property.rawValue)".utf8) + (name.map { [UInt8(ascii: ":")] + $0 } ?? [])
      + [UInt8(ascii: "}")]
  }

  fileprivate func value(in sockets: HandedSockets) throws(HandoverError) -> [UInt8] {
    let found = sockets.named(name)
    guard let (number, socket) = found.first else {
      throw failure("no socket has that name", sockets)
    }
    switch (property, socket.address) {
    case (.fd, _): return decimal(number)
    case (.fds, _): return Array(found.map { String($0.number) }.joined(separator: ",").utf8)
    case (.port, .ip4(_, let port)), (.port, .ip6(_, let port)): return decimal(Int(port))
    case (.addr, .ip4), (.addr, .ip6): return Array(socket.address.description.utf8)
    case (.path, .path(let path)): return path
    // As systemd and most programs write them.
    case (.path, .abstract(let name)): return [UInt8(ascii: "@")] + name
    case (.port, _): throw failure("\(number) has no port", sockets)
    case (.addr, _): throw failure("\(number) has no HOST:PORT", sockets)
    case (.path, _): throw failure("\(number) is no Unix socket", sockets)
    }
  }

  private func decimal(_ number: Int) -> [UInt8] { Array(String(number).utf8) }

  private func failure(_ why: String, _ sockets: HandedSockets) -> HandoverError {
    let text = String(decoding: text, as: UTF8.self)
    return HandoverError(
      "\(text): \(why): \(sockets.inventory); for that text itself write {\(text)}")
  }
}
