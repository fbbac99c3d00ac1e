import NIOCore

/// When, and with how many connections at once, to try for the generation that is to answer.
///
/// Which of several processes gets a connection is the kernel's affair, and theirs: it may be each in
/// turn, the one that came back last, or always the same one, as long as that one keeps up: of those
/// that wait with EPOLLEXCLUSIVE (epoll_ctl(2)) it wakes the one that came first. Many connections made
/// in one breath get beyond it: while that one is about the first, the kernel wakes the next.
enum SeekPace {
  /// The most connections that are open at once for one check.
  static let most = 8

  /// The old generation gets what is not for it: it is asked for no more than a twentieth of the time,
  /// however long the new one takes to begin.
  static func pause(after elapsed: TimeAmount) -> TimeAmount {
    max(.milliseconds(1), min(.milliseconds(50), .nanoseconds(elapsed.nanoseconds / 20)))
  }

  /// How many connections to make at once.
  struct Burst: Hashable {
    /// Closed at once again: they do no more than wake whoever waits for them.
    var knocks: Int
    var lines: Int

    static let single = Burst(knocks: 0, lines: 1)

    /// As many of them as half of the free room in the listen queue, which is for clients. Where
    /// anybody waits in it, the servers are busy, and need no burst.
    func fitting(queued: Int, backlog: Int) -> Burst {
      let room = backlog / 2
      if queued > 0 || room < 2 { return .single }
      let lines = min(lines, room)
      return Burst(knocks: min(knocks, room - lines), lines: lines)
    }
  }

  /// - Parameter round: from 0.
  static func burst(inRound round: Int) -> Burst {
    let every = round < 128 ? 4 : 8
    if round < 8 || round % every != 0 { return .single }
    // Of different sizes: what a burst reaches depends on who is back how soon.
    let knocks = [0, 16, 32, 8, 24, 40]
    let turn = round / every
    return Burst(knocks: knocks[turn % knocks.count], lines: turn % 3 == 0 ? most : 2)
  }

  /// How long a worker of another generation may be kept busy by one of several connections: a machine
  /// without a free CPU takes 5 ms to wake the next. A client that comes meanwhile waits as long, and most
  /// new generations do no more than load their program at first: it begins with little.
  static func grace(after elapsed: TimeAmount) -> TimeAmount {
    max(.milliseconds(1), min(.milliseconds(5), .nanoseconds(elapsed.nanoseconds / 100)))
  }

  /// The pause before the next look at connections that are to be accepted. An old worker that serves
  /// one connection at a time has accepted one meanwhile, perhaps, and waits for the request.
  static func look(after last: TimeAmount?) -> TimeAmount {
    guard let last else { return .microseconds(100) }
    return min(last * 2, .milliseconds(5))
  }
}
