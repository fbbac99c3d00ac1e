/// How large a regular expression is once its counts are written out: glibc does that, and takes memory
/// and time for it without end for patterns as short as `((a{999}){999}){999}` or `a++++++++++++++++++++++++++++`
/// (found by fuzzing).
enum PatternSize {
  /// More than any pattern for a health page needs.
  static let limit = 1000

  /// The number of characters, classes and anchors that are left when `a{2,3}` is written as `aaa`, and
  /// `a*`, `a+` and `a?` as `aa`.
  ///
  /// - Returns: nil beyond the limit. Of a pattern that is malformed, any number.
  static func of(_ source: String) -> Int? {
    var rest = source.utf8[...]
    /// Of the groups that are open, from the outside in, up to the last item of each.
    var sums = [0]
    /// Of the last item of the innermost group, to which a count that follows belongs.
    var last = 0
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "("):
        sums[sums.count - 1] += last
        sums.append(0)
        last = 0
      case UInt8(ascii: ")"):
        let inside = sums[sums.count - 1] + last
        if sums.count > 1 { sums.removeLast() }
        last = max(inside, 1)
      // glibc writes a+ as aa*, so that each of a++++ doubles; a**** it does not write out, but goes
      // through it twice as often for each.
      case UInt8(ascii: "+"), UInt8(ascii: "*"), UInt8(ascii: "?"): last *= 2
      case UInt8(ascii: "{"):
        guard let count = count(&rest) else { fallthrough }
        last *= max(count, 1)
      default:
        sums[sums.count - 1] += last
        last = 1
        if byte == UInt8(ascii: "[") { skipBrackets(&rest) }
        if byte == UInt8(ascii: "\\") { _ = rest.popFirst() }
      }
      if sums.count > limit || sums.reduce(last, +) > limit { return nil }
    }
    return sums.reduce(last, +)
  }

  /// What follows `{`, in `{3}`, `{3,}`, `{,3}` and `{1,3}`: the larger number, and one
  /// more where there is no upper end: `a{3,}` is `aaaa*`.
  private static func count(_ rest: inout Substring.UTF8View) -> Int? {
    var scan = rest
    var largest = 0
    var number = 0
    var isOpen = false
    while let byte = scan.popFirst() {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = min(number * 10 + Int(byte - UInt8(ascii: "0")), limit + 1)
        largest = max(largest, number)
        isOpen = false
      case UInt8(ascii: ","):
        number = 0
        isOpen = true
      case UInt8(ascii: "}"):
        rest = scan
        return largest + (isOpen ? 1 : 0)
      default: return nil
      }
    }
    return nil
  }

  private static func skipBrackets(_ rest: inout Substring.UTF8View) {
    if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
    if rest.first == UInt8(ascii: "]") { rest.removeFirst() }
    while let byte = rest.popFirst(), byte != UInt8(ascii: "]") {
      if byte == UInt8(ascii: "[") { BodyPattern.skipClass(&rest) }
    }
  }
}
