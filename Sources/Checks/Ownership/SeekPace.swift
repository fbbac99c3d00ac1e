import NIOCore

/// When, and with how many connections at once, to try for the generation that is to answer.
///
/// Which of several processes gets a connection is the kernel's affair, and theirs: it may be each in
/// turn, the one that came back last, or always the same one, as long as that one keeps up. Several
/// connections made in one breath get beyond it: while it is about the first, the kernel wakes the next.
struct SeekPace: Sendable, Hashable {
  /// The most connections that are open at once for one check.
  static let most = 8

  /// The old generation gets what is not for it: it is asked for no more than a twentieth of the time,
  /// however long the new one takes to begin.
  static func pause(after elapsed: TimeAmount) -> TimeAmount {
    max(.milliseconds(1), min(.milliseconds(50), .nanoseconds(elapsed.nanoseconds / 20)))
  }

  /// - Parameter round: from 0.
  static func connections(inRound round: Int) -> Int {
    switch round {
    case ..<8: 1
    case ..<16: 2
    case ..<24: 4
    // One after another, with all at once now and then.
    default: round % 8 == 0 ? most : 1
    }
  }

  /// The pause before the next look at connections that are to be accepted.
  static func look(after last: TimeAmount?) -> TimeAmount {
    guard let last else { return .microseconds(100) }
    return min(last * 2, .milliseconds(20))
  }
}
