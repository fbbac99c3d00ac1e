/// A regular expression as a list of steps, which `PatternSearch` goes through.
///
/// Why not regcomp(3) and regexec(3): glibc's write counts out without end, need exponential time for
/// patterns like `()+++++++` (both found by fuzzing), and remember a state for each set of steps that a
/// body leads to: `x.{50}y` on an unlucky page of 64 KiB held the loop for more than a minute, and
/// `x.{12}y` kept 19 MB. Steps gone through side by side take time and memory in proportion to the pattern's size, always
/// (Thompson 1968; Cox, "Regular Expression Matching Can Be Simple And Fast", 2007).
struct PatternProgram {
  enum Step {
    /// Takes one byte, and goes on to the next step.
    case byte(ByteSet)
    /// Goes on only at such a place.
    case place(PatternNode.Place)
    /// Goes on with both.
    case fork(Int, Int)
    case jump(Int)
    case found
  }

  /// More steps than any pattern for a health page needs.
  static let limit = 1000
  static let tooLarge = SpecError(
    "the regular expression is too large: with its counts written out ({9} as nine times), it has "
      + "more than \(limit) parts")

  private(set) var steps: [Step] = []
  /// What was done to write the steps; an empty group writes none, however often.
  private var work = 0

  init(_ source: String) throws(SpecError) {
    let node = try PatternParser.parse(source)
    try write(node)
    steps.append(.found)
  }

  private mutating func append(_ step: Step) throws(SpecError) {
    if steps.count >= Self.limit { throw Self.tooLarge }
    steps.append(step)
  }

  private mutating func write(_ node: PatternNode) throws(SpecError) {
    work += 1
    if work > 4 * Self.limit { throw Self.tooLarge }
    switch node {
    case .bytes(let set): try append(.byte(set))
    case .place(let place): try append(.place(place))
    case .sequence(let parts):
      for part in parts { try write(part) }
    case .choice(let branches):
      var ends: [Int] = []
      for branch in branches.dropLast() {
        let fork = steps.count
        try append(.fork(fork + 1, 0))
        try write(branch)
        ends.append(steps.count)
        try append(.jump(0))
        steps[fork] = .fork(fork + 1, steps.count)
      }
      if let last = branches.last { try write(last) }
      for end in ends { steps[end] = .jump(steps.count) }
    case .repeated(let node, let least, let most):
      for _ in 0..<max(least - 1, 0) { try write(node) }
      guard let most else { return try writeLoop(node, needsOne: least > 0) }
      if least > 0 { try write(node) }
      var forks: [Int] = []
      for _ in least..<most {
        forks.append(steps.count)
        try append(.fork(steps.count + 1, 0))
        try write(node)
      }
      for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
    }
  }

  /// As often as wanted: once at least, or never.
  private mutating func writeLoop(_ node: PatternNode, needsOne: Bool) throws(SpecError) {
    let start = steps.count
    if needsOne {
      try write(node)
      return try append(.fork(start, steps.count + 1))
    }
    try append(.fork(start + 1, 0))
    try write(node)
    try append(.jump(start))
    steps[start] = .fork(start + 1, steps.count)
  }
}
