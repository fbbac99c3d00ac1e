// What goes on to systemd of what the child says: that it reloads or stops, that it needs more time,
// and its STATUS. READY=1 and WATCHDOG never do: vouch says those itself, when the checks pass.

extension Supervision {
  /// RELOADING=1 of a child that reloads by itself. READY=1 follows when the checks have passed anew;
  /// one of them may be the program's own READY=1.
  mutating func childReloads(at now: Moment) {
    // What systemd knows of as a reload already, this is part of.
    guard phase == .ready, !owesReady, !replacing.isTold else { return }
    beginReload(at: now)
    log(.info, "the child reloads")
    readyIfGatesPass(at: now)
  }

  /// STOPPING=1 of a child that ends by itself: from here on nothing that a check finds is a failure.
  mutating func childStops(at now: Moment) {
    log(.info, "the child says that it is stopping")
    if replacing.isJudging {
      beBereft(nil)
      return tellStatus(at: now)
    }
    beginStop(StopState(cause: .child), at: now)
    var notification = Notification()
    notification.stopping = true
    notify(notification, at: now)
  }

  /// EXTEND_TIMEOUT_USEC, where a timeout of systemd's runs: at start, reload and stop. Not in between:
  /// it would push the watchdog (service_extend_timeout in systemd's src/core/service.c), which only
  /// the checks may do.
  mutating func relayExtension(of message: NotifyMessage, at now: Moment) {
    guard var length = message.extendTimeout else { return }
    switch phase {
    case .starting:
      // The administrator's budget stands above the program's wish.
      if let ends = startBudgetEnds { length = min(length, ends - now) }
    case .reloading(let since):
      // It pushes the watchdog too: not beyond what a reload may take.
      if policy.watchdog != nil {
        length = min(length, since + (policy.startTimeout ?? Self.restartBudget) - now)
      }
      if length <= .zero { return }
    case .stopping: break
    case .launching, .ready, .healing, .bereft, .ended: return
    }
    // One that asks over and over is heard ten times a second.
    let end = now + length
    if let told = reports.extendedTo, end - told < min(.milliseconds(100), length / 10) { return }
    reports.extendedTo = end
    var notification = Notification()
    notification.extendTimeout = length
    notify(notification, at: now)
  }

  /// What the child says of itself, for STATUS; nil where that is nothing.
  var childText: String? {
    guard !reports.text.isEmpty else { return nil }
    switch phase {
    case .starting, .ready, .reloading, .stopping: break
    case .healing(let healing):
      guard case .judging = healing.stage else { return nil }
    case .launching, .bereft, .ended: return nil
    }
    return "child says \"\(reports.text)\""
  }
}
