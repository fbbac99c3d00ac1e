/// A JSON number by its exact value: 1, 1.0 and 10e-1 are equal, and 2⁵³ and 2⁵³+1 are not.
struct JSONNumber: Sendable, Hashable {
  /// False for zero.
  private var isNegative = false
  /// Without zeros at either end; none for zero.
  private var digits: [UInt8] = []
  /// Of ten, after the last digit; 0 for zero. Beyond ±2⁴⁰ all are taken as the same.
  private var exponent = 0

  private static let exponentLimit = 1 << 40

  /// - Parameter token: as `JSONCursor.number()` found it.
  init(_ token: Slice<UnsafeRawBufferPointer>) {
    var rest = token
    if rest.first == UInt8(ascii: "-") {
      isNegative = true
      rest.removeFirst()
    }
    var isFraction = false
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if isFraction { exponent -= 1 }
        if byte != UInt8(ascii: "0") || !digits.isEmpty { digits.append(byte) }
      default:
        exponent += Self.exponent(rest)
        rest = rest[rest.endIndex...]
      }
    }
    let zeros = digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeLast(zeros)
    exponent += zeros
    if digits.isEmpty {
      isNegative = false
      exponent = 0
    }
  }

  /// What follows `e`.
  private static func exponent(_ text: Slice<UnsafeRawBufferPointer>) -> Int {
    var value = 0
    for byte in text where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      value = min(value * 10 + Int(byte - UInt8(ascii: "0")), exponentLimit)
    }
    return text.first == UInt8(ascii: "-") ? -value : value
  }
}
