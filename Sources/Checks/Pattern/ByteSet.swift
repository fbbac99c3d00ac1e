/// A set of bytes: what one place of a pattern takes.
struct ByteSet: Sendable, Equatable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init() {}

  init(_ bytes: ClosedRange<UInt8>...) {
    for range in bytes {
      for byte in range { insert(byte) }
    }
  }

  static func == (one: ByteSet, other: ByteSet) -> Bool { one.words == other.words }

  func contains(_ byte: UInt8) -> Bool {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: return words.0 & bit != 0
    case 1: return words.1 & bit != 0
    case 2: return words.2 & bit != 0
    default: return words.3 & bit != 0
    }
  }

  mutating func insert(_ byte: UInt8) {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  mutating func remove(_ byte: UInt8) {
    let others = inverted
    self = others
    insert(byte)
    self = inverted
  }

  mutating func formUnion(_ other: ByteSet) {
    words.0 |= other.words.0
    words.1 |= other.words.1
    words.2 |= other.words.2
    words.3 |= other.words.3
  }

  var inverted: ByteSet {
    var set = self
    set.words = (~words.0, ~words.1, ~words.2, ~words.3)
    return set
  }

  /// `\w`.
  static let word: ByteSet = {
    var set = named("alnum") ?? ByteSet()
    set.insert(UInt8(ascii: "_"))
    return set
  }()
  /// `\s`.
  static let space = named("space") ?? ByteSet()

  /// A class of regex(7), by what stands in `[:name:]`; of ASCII.
  static func named(_ name: String) -> ByteSet? {
    switch name {
    case "alpha": ByteSet(0x41...0x5A, 0x61...0x7A)
    case "digit": ByteSet(0x30...0x39)
    case "alnum": ByteSet(0x30...0x39, 0x41...0x5A, 0x61...0x7A)
    case "upper": ByteSet(0x41...0x5A)
    case "lower": ByteSet(0x61...0x7A)
    case "space": ByteSet(0x09...0x0D, 0x20...0x20)
    case "blank": ByteSet(0x09...0x09, 0x20...0x20)
    case "punct": ByteSet(0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E)
    case "print": ByteSet(0x20...0x7E)
    case "graph": ByteSet(0x21...0x7E)
    case "cntrl": ByteSet(0x00...0x1F, 0x7F...0x7F)
    case "xdigit": ByteSet(0x30...0x39, 0x41...0x46, 0x61...0x66)
    default: nil
    }
  }
}
