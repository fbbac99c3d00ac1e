/// Looks for a pattern in some bytes, in one pass: at each byte it stands at a set of steps at once.
struct PatternSearch {
  private let steps: [PatternProgram.Step]
  /// Those that take a byte, where the search stands.
  private var here: [Int] = []
  private var next: [Int] = []
  /// For each step the last position at which it was come to, plus one.
  private var visited: [Int]
  private var pending: [Int] = []

  init(_ program: PatternProgram) {
    steps = program.steps
    visited = [Int](repeating: 0, count: steps.count)
  }

  mutating func finds(in bytes: UnsafeRawBufferPointer) -> Bool {
    for position in 0...bytes.count {
      // A match may begin anywhere. What `next` holds was come to at this position.
      if come(to: 0, at: position, in: bytes) { return true }
      swap(&here, &next)
      next.removeAll(keepingCapacity: true)
      guard position < bytes.count else { return false }
      let byte = bytes[position]
      for step in here {
        guard case .byte(let set) = steps[step], set.contains(byte) else { continue }
        if come(to: step + 1, at: position + 1, in: bytes) { return true }
      }
    }
    return false
  }

  /// Follows everything that leads on from a step without taking a byte.
  ///
  /// - Returns: whether that is the end of the pattern.
  private mutating func come(
    to step: Int, at position: Int, in bytes: UnsafeRawBufferPointer
  ) -> Bool {
    pending.append(step)
    while let step = pending.popLast() {
      if visited[step] == position + 1 { continue }
      visited[step] = position + 1
      switch steps[step] {
      case .byte: next.append(step)
      case .place(let place):
        if Self.isAt(place, position, bytes) { pending.append(step + 1) }
      case .fork(let one, let other):
        pending.append(other)
        pending.append(one)
      case .jump(let other): pending.append(other)
      case .found:
        pending.removeAll(keepingCapacity: true)
        return true
      }
    }
    return false
  }

  private static func isAt(
    _ place: PatternNode.Place, _ position: Int, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    let before = position > 0 ? bytes[position - 1] : nil
    let after = position < bytes.count ? bytes[position] : nil
    let isWordBefore = before.map(ByteSet.word.contains) ?? false
    let isWordAfter = after.map(ByteSet.word.contains) ?? false
    switch place {
    case .lineStart: return before == nil || before == 0x0A
    case .lineEnd: return after == nil || after == 0x0A
    case .wordStart: return !isWordBefore && isWordAfter
    case .wordEnd: return isWordBefore && !isWordAfter
    case .wordEdge: return isWordBefore != isWordAfter
    case .notWordEdge: return isWordBefore == isWordAfter
    }
  }
}
