/// Reads the tokens of a JSON text (RFC 8259), strictly, and keeps nothing of them.
///
/// Why not JSONDecoder of FoundationEssentials: measured on Swift 6.3.1, its first use costs 0.7 MB of
/// memory that stays, half of what vouch may have, a hostile page of 64 KiB another 1.6 MB and 1 ms; it
/// takes a trailing comma and guesses UTF-16. This one needs no memory beyond one small stack.
struct JSONCursor {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  /// A string token, by what stands between its quotes.
  struct Text {
    var range: Range<Int>
    var hasEscapes: Bool
  }

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  /// The only place that reads, so that nothing can read past the end.
  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Takes this byte where it comes next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  /// Takes these ASCII characters where they come next.
  mutating func take(_ text: StaticString) -> Bool {
    let start = position
    for index in 0..<text.utf8CodeUnitCount where !take(text.utf8Start[index]) {
      position = start
      return false
    }
    return true
  }

  mutating func skipBlanks() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  /// A string with its quotes; nil where none comes or it is malformed.
  mutating func string() -> Text? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = position
    var hasEscapes = false
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        return Text(range: start..<position - 1, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        guard escape() else { return nil }
      case 0..<0x20: return nil
      default: break
      }
    }
    return nil
  }

  /// What follows a backslash.
  private mutating func escape() -> Bool {
    guard let byte = peek else { return false }
    position += 1
    switch byte {
    case UInt8(ascii: "u"):
      for _ in 0..<4 {
        guard let digit = peek, hexValue(digit) != nil else { return false }
        position += 1
      }
      return true
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return true
    default: return false
    }
  }

  /// A number; nil where none comes or it is malformed.
  mutating func number() -> Range<Int>? {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")), digits() == 0 { return nil }
    if take(UInt8(ascii: ".")), digits() == 0 { return nil }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      if digits() == 0 { return nil }
    }
    return start..<position
  }

  /// - Returns: how many there were.
  private mutating func digits() -> Int {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  /// The text that a string token means, in UTF-8; nil where half of a surrogate pair stands alone,
  /// which means none.
  func contents(of text: Text) -> [UInt8]? {
    let raw = bytes[text.range]
    if !text.hasEscapes { return Array(raw) }
    var contents: [UInt8] = []
    contents.reserveCapacity(raw.count)
    var rest = raw
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
        contents.append(byte)
        continue
      }
      switch kind {
      case UInt8(ascii: "b"): contents.append(0x08)
      case UInt8(ascii: "f"): contents.append(0x0C)
      case UInt8(ascii: "n"): contents.append(0x0A)
      case UInt8(ascii: "r"): contents.append(0x0D)
      case UInt8(ascii: "t"): contents.append(0x09)
      case UInt8(ascii: "u"):
        guard let scalar = Self.scalar(&rest), let encoded = UTF8.encode(scalar) else { return nil }
        contents.append(contentsOf: encoded)
      default: contents.append(kind)
      }
    }
    return contents
  }

  /// The character of one `\uXXXX`, or of two that make a pair, after the first `\u`.
  private static func scalar(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Unicode.Scalar? {
    let unit = codeUnit(&rest)
    guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
    guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else {
      return nil
    }
    let trail = codeUnit(&rest)
    guard UTF16.isTrailSurrogate(trail) else { return nil }
    return Unicode.Scalar(0x10000 + (UInt32(unit - 0xD800) << 10 | UInt32(trail - 0xDC00)))
  }

  private static func codeUnit(_ rest: inout Slice<UnsafeRawBufferPointer>) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 { unit = unit << 4 | UInt16(rest.popFirst().flatMap(hexValue) ?? 0) }
    return unit
  }
}

private func hexValue(_ digit: UInt8) -> UInt8? {
  switch digit {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
  default: nil
  }
}
