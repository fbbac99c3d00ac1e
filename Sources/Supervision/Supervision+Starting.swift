// Rule 2. Probing begins the instant the child runs. Failures before the first success are not
// failures. While the child lives and the budget of `--start-timeout` lasts, vouch keeps systemd
// from giving up; when it is spent, the child is stopped and vouch exits 75.

extension Supervision {
  /// How far ahead systemd is asked to wait, and how often it is asked.
  ///
  /// Short enough that a vouch which hangs does not hold a start up for long, and asked for three
  /// times as often as needed, so that a late timer costs nothing.
  static let extensionLength = Duration.seconds(15)
  static let extensionEvery = Duration.seconds(5)

  var startBudgetEnds: Moment? {
    guard case .starting(let since) = phase, let budget = policy.startTimeout else { return nil }
    return since + budget
  }

  mutating func extendStart(at now: Moment) {
    guard case .starting = phase, let due = extendAt, due <= now else { return }
    extendAt = now + Self.extensionEvery
    var notification = Notification()
    // systemd counts from now, and never shortens what it had granted before.
    notification.extendTimeout = Self.extensionLength
    notify(notification, at: now)
  }

  mutating func stopOnStartTimeout(at now: Moment) {
    guard let ends = startBudgetEnds, ends <= now, let budget = policy.startTimeout else { return }
    let waiting = firstTrouble.map { ": " + $0 } ?? ""
    log(.error, "not ready within the start timeout of \(budget.brief)\(waiting)")
    let state = StopState(cause: .startTimeout)
    beginStop(state, at: now)
    var notification = Notification()
    notification.stopping = true
    // The unit is still starting for systemd, so its start timeout also covers this stop.
    notification.extendTimeout = patience(for: state).map { $0 + Self.extensionEvery }
    notify(notification, at: now)
    // systemd's own SIGTERM, should it lose patience, is the same stop.
    deliver(policy.stopSignal ?? .terminate, asked: .terminate, at: now)
  }

  /// Asks the checks that have not passed yet without waiting for their pause to end: one of them may
  /// pass now.
  mutating func probeSoon(at now: Moment) {
    guard phase.judgingSince != nil else { return }
    for id in records.indices
    where policy.checks[id].reporter == nil && records[id].probing == nil && !records[id].isPassing
    {
      records[id].due = min(records[id].due, now)
    }
  }

  /// The pause before a target that does not answer yet is probed again: never more than 5 % of the
  /// time since the start, nor 250 ms, and 1 ms at first.
  static func startPause(_ elapsed: Duration) -> Duration {
    min(max(elapsed / 20, .milliseconds(1)), .milliseconds(250))
  }
}
