/// Reads a POSIX extended regular expression (POSIX.1-2017, XBD 9.4; regex(7)). What POSIX leaves
/// undefined and other dialects use is refused, since it would mean something else here.
struct PatternParser {
  private var rest: Substring.UTF8View
  private var depth = 0
  /// As deep as groups may lie in each other.
  private static let depthLimit = 50

  private init(_ source: String) { rest = source.utf8[...] }

  static func parse(_ source: String) throws(SpecError) -> PatternNode {
    var parser = PatternParser(source)
    let node = try parser.choice()
    // Only a bracket that closes nothing stops it before the end.
    if !parser.rest.isEmpty { throw malformed("a ) closes no group: write \\) for one") }
    return node
  }

  private static func malformed(_ what: String) -> SpecError {
    SpecError("the regular expression is malformed: \(what)")
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func choice() throws(SpecError) -> PatternNode {
    var branches = [try branch()]
    while take("|") { branches.append(try branch()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func branch() throws(SpecError) -> PatternNode {
    var parts: [PatternNode] = []
    while let byte = rest.first, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
      var part = try atom()
      while let (least, most) = try count() { part = .repeated(part, least, most) }
      parts.append(part)
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  /// - Returns: how often what stands before is to come; nil where nothing says.
  private mutating func count() throws(SpecError) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    guard take("{") else { return nil }
    let least = number()
    var most = least
    if take(",") {
      most = number()
      if least == nil, most == nil { throw Self.badCount }
    }
    guard take("}"), least != nil || most != nil else { throw Self.badCount }
    if let least, let most, least > most {
      throw Self.malformed("{\(least),\(most)} counts backwards")
    }
    return (least ?? 0, most)
  }

  private static let badCount = malformed(
    "after { comes a count, as in {3}, {3,} or {1,3}: write \\{ for one")

  /// Beyond every limit at most.
  private mutating func number() -> Int? {
    var number: Int? = nil
    while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      number = min((number ?? 0) * 10 + Int(byte - UInt8(ascii: "0")), PatternProgram.limit + 1)
      rest.removeFirst()
    }
    return number
  }

  private mutating func atom() throws(SpecError) -> PatternNode {
    guard let byte = rest.popFirst() else { return .sequence([]) }
    switch byte {
    case UInt8(ascii: "("): return try group()
    case UInt8(ascii: "["): return .bytes(try brackets())
    case UInt8(ascii: "\\"): return try escape()
    case UInt8(ascii: "^"): return .place(.lineStart)
    case UInt8(ascii: "$"): return .place(.lineEnd)
    case UInt8(ascii: "."):
      var set = ByteSet(0...255)
      set.remove(0x0A)
      set.remove(0)
      return .bytes(set)
    case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
      let mark = Character(Unicode.Scalar(byte))
      throw Self.malformed("nothing stands before \(mark): write \\\(mark) for one")
    default: return .bytes(ByteSet(byte...byte))
    }
  }

  private mutating func group() throws(SpecError) -> PatternNode {
    if rest.first == UInt8(ascii: "?") {
      throw SpecError(
        "(? is not known to a POSIX regular expression: a plain group is written (…)")
    }
    depth += 1
    if depth > Self.depthLimit { throw PatternProgram.tooLarge }
    let node = try choice()
    depth -= 1
    if !take(")") { throw Self.malformed("a ( is not closed: write \\( for one") }
    return node
  }

  private mutating func escape() throws(SpecError) -> PatternNode {
    guard let byte = rest.popFirst() else {
      throw SpecError("the regular expression ends in a backslash: write \\\\ for one")
    }
    switch byte {
    case UInt8(ascii: "w"): return .bytes(.word)
    case UInt8(ascii: "W"): return .bytes(.word.inverted)
    case UInt8(ascii: "s"): return .bytes(.space)
    case UInt8(ascii: "S"): return .bytes(.space.inverted)
    case UInt8(ascii: "b"): return .place(.wordEdge)
    case UInt8(ascii: "B"): return .place(.notWordEdge)
    case UInt8(ascii: "<"): return .place(.wordStart)
    case UInt8(ascii: ">"): return .place(.wordEnd)
    default: break
    }
    if ByteSet.named("alnum")?.contains(byte) == true { throw SpecError(Self.refusal(of: byte)) }
    return .bytes(ByteSet(byte...byte))
  }

  private static func refusal(of escaped: UInt8) -> String {
    let escape = "\\\(Character(Unicode.Scalar(escaped)))"
    switch escaped {
    case UInt8(ascii: "d"): return "\(escape) is not known here: write [0-9]"
    case UInt8(ascii: "D"): return "\(escape) is not known here: write [^0-9]"
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return "\(escape) is not possible: a back-reference can take for ever to match"
    default:
      return "\(escape) is not known to a POSIX extended regular expression: the escapes are "
        + "\\w \\W \\s \\S \\b \\B \\< \\> and a backslash before a punctuation mark"
    }
  }

  /// After the opening bracket.
  private mutating func brackets() throws(SpecError) -> ByteSet {
    let isInverted = take("^")
    var set = ByteSet()
    var isFirst = true
    while true {
      guard let byte = rest.popFirst() else {
        throw Self.malformed("a [ is not closed: write \\[ for one")
      }
      // A `]` that comes first stands for itself.
      if byte == UInt8(ascii: "]"), !isFirst { break }
      isFirst = false
      if byte == UInt8(ascii: "["), take(":") {
        set.formUnion(try characterClass())
        continue
      }
      let low = try element(byte)
      // A `-` that comes last stands for itself.
      guard rest.first == UInt8(ascii: "-"), rest.dropFirst().first != UInt8(ascii: "]") else {
        set.insert(low)
        continue
      }
      rest.removeFirst()
      guard let end = rest.popFirst() else { continue }
      let high = try element(end)
      guard low <= high else {
        throw Self.malformed("a range between brackets runs backwards")
      }
      set.formUnion(ByteSet(low...high))
    }
    if isInverted {
      set = set.inverted
      set.remove(0x0A)
    }
    return set
  }

  /// One character between brackets: itself, or as in `[.-.]` and `[=a=]`.
  private mutating func element(_ byte: UInt8) throws(SpecError) -> UInt8 {
    if byte == UInt8(ascii: "\\"), let next = rest.first,
      ByteSet.named("alnum")?.contains(next) == true
    {
      throw SpecError(
        "\\\(Character(Unicode.Scalar(next))) between brackets is a backslash and a letter "
          + "in a POSIX regular expression: write [[:digit:]], [[:space:]] or [[:alnum:]_]")
    }
    guard byte == UInt8(ascii: "["), let mark = rest.first,
      mark == UInt8(ascii: ".") || mark == UInt8(ascii: "=")
    else { return byte }
    let text = Array(rest.dropFirst().prefix(3))
    guard text.count == 3, text[1] == mark, text[2] == UInt8(ascii: "]") else {
      throw Self.malformed(
        "[\(Character(Unicode.Scalar(mark))) between brackets names no character")
    }
    rest = rest.dropFirst(4)
    return text[0]
  }

  /// After `[:`.
  private mutating func characterClass() throws(SpecError) -> ByteSet {
    let name = String(decoding: rest.prefix { $0 != UInt8(ascii: ":") }.prefix(16), as: UTF8.self)
    let after = rest.dropFirst(name.utf8.count)
    guard let set = ByteSet.named(name), after.starts(with: ":]".utf8) else {
      throw Self.malformed("[: between brackets names no class, as [:digit:] does")
    }
    rest = after.dropFirst(2)
    return set
  }
}
