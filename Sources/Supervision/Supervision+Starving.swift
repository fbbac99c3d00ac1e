// Rule 7's second half: late timers (vouch itself starved) are not a timeout of the child, and no more
// is time in which the child itself was kept from running. A probe whose time is up goes on for as
// long as was lost of it, and systemd's watchdog is asked to wait for as long. So a healthy child is
// not killed, however little it gets of the machine; one that hangs is found out after its timeout and
// the time lost.

extension Supervision {
  /// How late an answer may be beyond its timeout before it says too little of now.
  static let starvationAllowed = Duration.milliseconds(50)

  /// A probe goes on beyond its time.
  mutating func probeDelayed(_ id: CheckID, _ lost: Duration, at now: Moment) {
    guard phase.probes, records[id].probing != nil else { return }
    records[id].lostInFlight += lost
    noteLost(id, lost, "no answer yet", at: now)
  }

  /// An answer that says how things were before vouch was kept from running: the check is probed again
  /// at once.
  mutating func starved(_ id: CheckID, _ lost: Duration, _ answer: String, at now: Moment) {
    records[id].due = now
    noteLost(id, lost, answer, at: now)
  }

  private mutating func noteLost(
    _ id: CheckID, _ lost: Duration, _ outcome: String, at now: Moment
  ) {
    records[id].lost += lost
    noteTrouble(id, "vouch or the child was kept from running for \(lost.brief): \(outcome)")
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
    case .launching, .starting, .healing, .bereft, .stopping, .ended: return nil
    }
    guard policy.checks[id].gates.contains(.watchdog), let watchdog = policy.watchdog, let fedAt,
      !owesReady
    else { return nil }
    let patience = fedAt + watchdog + records[id].lost - now
    return patience > .zero ? patience : nil
  }
}
