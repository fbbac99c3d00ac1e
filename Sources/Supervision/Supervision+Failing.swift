// Rule 4. A failure never feeds the watchdog. `fall` and `rise` count runs of equal results and
// decide when vouch acts. `withhold`: nothing is sent. `trigger`: after `fall` failures in a row
// STATUS and WATCHDOG=trigger go out in one datagram. `restart`: see Healing. `exec=`: a command is run,
// then as `withhold`.

extension Supervision {
  /// Acts where this failure completes a run of `fall`, once for each run.
  ///
  /// - Returns: whether anything was sent.
  mutating func actOnFall(_ id: CheckID, at now: Moment) -> Bool {
    let check = policy.checks[id]
    guard mayAct, !owesReady, records[id].failures >= check.fall, !records[id].acted else {
      return false
    }
    // Its replacement is on the way, and heals it sooner; or it is restarted at the next failure.
    if policy.onUnhealthy == .restart, replacing.isJudging { return false }
    records[id].acted = true
    guard check.gates.contains(.watchdog) else { return false }
    let failures = "\(check.fall) failures in a row"
    switch policy.onUnhealthy {
    case .withhold: return false
    case .restart:
      beginHealing("\(failures): \(plainResult(id))", at: now)
      return true
    case .command:
      log(.notice, "\(failures): running the command of --on-unhealthy")
      effects.append(.runAction(check: check.name, reason: plainResult(id)))
      return false
    case .trigger:
      var notification = Notification()
      notification.watchdog = .trigger
      notify(notification, at: now)
      log(.error, "\(failures): watchdog triggered: \(plainResult(id))")
      return true
    }
  }

  private var mayAct: Bool {
    switch phase {
    case .ready, .reloading: true
    case .launching, .starting, .healing, .bereft, .stopping, .ended: false
    }
  }

  mutating func logFailure(_ id: CheckID, _ reason: String) {
    guard !records[id].loggedFailing else { return }
    records[id].loggedFailing = true
    log(.warning, "failing: \(policy.checks[id].name): \(reason)")
  }

  mutating func logRecovery(_ id: CheckID, risen: Bool) {
    guard risen else { return }
    records[id].acted = false
    guard records[id].loggedFailing else { return }
    records[id].loggedFailing = false
    log(.info, "recovered: \(plainResult(id))")
  }
}
