// Rule 7's second half: late timers (vouch itself starved) are not a timeout of the child, and no more
// is time in which the child itself was kept from running. Such a timeout is not counted: the child is
// probed again at once, and systemd's watchdog is asked to wait for as long as was lost.
//
// A child that hangs on a machine that starves is still found out: what it had of the time is charged
// to it, and the charges since its last pass add up. So it fails after its timeout and the time lost.

extension Supervision {
  /// How long vouch or the child may have been kept from running before a timeout is not simply the
  /// child's any more: an answer may have waited unread, or unwritten.
  static let starvationAllowed = Duration.milliseconds(50)

  /// Charges a check with what its timed-out probe had of the time, less what may be too much in that
  /// measure: an answer that came just before vouch was stopped lies unread.
  ///
  /// - Returns: whether the check has now had a whole timeout, so that this one counts after all.
  mutating func usesUpTimeout(_ id: CheckID, _ time: Duration) -> Bool {
    records[id].charged += max(time - Self.starvationAllowed, .zero)
    return records[id].charged >= policy.checks[id].timeout
  }

  /// A probe that says nothing of the child, because this much of its time was lost.
  mutating func starved(_ id: CheckID, _ lost: Duration, _ outcome: String, at now: Moment) {
    records[id].lost += lost
    noteTrouble(
      id, "vouch or the child was kept from running for \(lost.brief): \(outcome)", again: now)
    guard let patience = watchdogPatience(for: id, at: now) else { return tellStatus(at: now) }
    var notification = Notification()
    notification.extendTimeout = patience
    notify(notification, at: now)
  }

  /// EXTEND_TIMEOUT_USEC also pushes systemd's watchdog (service_extend_timeout in systemd's
  /// src/core/service.c): to this long from now, and never nearer. Asked for is the time at which it
  /// would fire had the lost time not passed.
  private func watchdogPatience(for id: CheckID, at now: Moment) -> Duration? {
    switch phase {
    case .ready, .reloading: break
    case .launching, .starting, .healing, .stopping, .ended: return nil
    }
    guard policy.checks[id].gates.contains(.watchdog), let watchdog = policy.watchdog, let fedAt,
      !owesReady
    else { return nil }
    let patience = fedAt + watchdog + records[id].lost - now
    return patience > .zero ? patience : nil
  }
}
