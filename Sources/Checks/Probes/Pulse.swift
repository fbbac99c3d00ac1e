import NIOCore

/// How much of a probe's time vouch was kept from running: no CPU was left for it, it was stopped by
/// a signal, or its cgroup was frozen. It is a value; `Deadlines` tells it the time.
///
/// While probes run, a pulse is due now and then. A pulse that comes late tells of time that was lost,
/// wherever in a probe it lay: an answer may have waited unread meanwhile, or the request unsent.
struct Pulse {
  /// From one pulse to the next: short beside the probe's time, so that little can be lost unseen, and
  /// long beside a healthy probe, so that this ends before any pulse.
  static func interval(limit: TimeAmount) -> TimeAmount {
    max(.milliseconds(5), min(.milliseconds(250), .nanoseconds(limit.nanoseconds / 4)))
  }

  /// A timer that is a little late is an ordinary one.
  static let tolerance = TimeAmount.milliseconds(20)

  /// All the time that was lost so far; only differences mean anything.
  private(set) var lost = TimeAmount.zero
  private(set) var next = NIODeadline.distantFuture
  /// Up to when it is known what was lost: no time is lost twice, though a deadline that was moved may lie
  /// in the past once more.
  private var knownUntil = NIODeadline.uptimeNanoseconds(0)
  private var interval = TimeAmount.milliseconds(250)

  /// Begins to beat, or to beat faster where a shorter probe joins.
  mutating func begin(limit: TimeAmount, at now: NIODeadline) {
    let interval = Self.interval(limit: limit)
    if next == .distantFuture { self.interval = interval }
    self.interval = min(self.interval, interval)
    next = min(next, now + self.interval)
  }

  mutating func end() { next = .distantFuture }

  /// The timer that was set for `next`, or for an earlier time, has gone off.
  ///
  /// - Parameter busy: how long vouch had a CPU since the timer went off before. It was not kept from
  ///   running then: with many probes, what it does about one makes it late for another, and if that
  ///   counted, the probes of a program that hangs could put each other off for ever.
  mutating func timerCame(
    setFor due: NIODeadline, at now: NIODeadline, busy: TimeAmount = .zero
  ) {
    guard next != .distantFuture else { return }
    let late = now - max(due, knownUntil) - busy
    knownUntil = now
    if late > Self.tolerance { lost = lost + late }
    if next <= now { next = now + interval }
  }
}
