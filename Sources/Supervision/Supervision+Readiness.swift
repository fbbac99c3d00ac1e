// Rule 1. READY=1 is sent once per start, when every check that gates ready has passed `rise`
// times in a row, in one datagram with STATUS. Never before, never again outside a reload.

extension Supervision {
  mutating func begin(at now: Moment) {
    if case .healing = phase { return beginJudging(at: now) }
    guard case .launching = phase else { return }
    phase = .starting(since: now)
    startedAt = now
    upSince = now
    for id in records.indices { records[id].due = now }
    extendAt = policy.startTimeout == nil ? nil : now
    if !readyIfGatesPass(at: now) { tellStatus(at: now) }
  }

  /// Sends READY=1 where it is awaited and due.
  @discardableResult
  mutating func readyIfGatesPass(at now: Moment) -> Bool {
    let since: Moment
    let reloaded: Bool
    switch phase {
    case .starting(let start): (since, reloaded) = (start, false)
    case .reloading(let start): (since, reloaded) = (start, true)
    case .launching, .ready, .healing, .bereft, .stopping, .ended: return false
    }
    guard readyGatesPass(at: now) else { return false }

    phase = .ready
    finding = nil
    extendAt = nil
    // READY=1 arms systemd's watchdog: its period counts from here.
    if !reloaded { fedAt = now }
    var notification = Notification()
    notification.ready = true
    notify(notification, at: now)
    log(.info, (reloaded ? "reloaded" : "ready") + evidence(since: since, at: now))
    if reloaded { answerForwarded() }
    return true
  }

  /// What the gates answered, and after how long, for the log.
  private func evidence(since: Moment, at now: Moment) -> String {
    if readyGates.isEmpty { return ": no check gates it" }
    let answers = readyGates.map { plainResult($0) }.joined(separator: "; ")
    return " after \((now - since).brief): \(answers)"
  }

  func readyGatesPass(at now: Moment) -> Bool {
    readyGates.allSatisfy { id in
      records[id].passes >= policy.checks[id].rise
        && records[id].isFreshPass(policy.checks[id], at: now) && isSaidReady(id)
    }
  }

  var hasReadyGates: Bool { !readyGates.isEmpty }

  private var readyGates: [CheckID] {
    policy.checks.indices.filter { policy.checks[$0].gates.contains(.ready) }
  }

  /// Tells systemd, later than whatever asked for it (sd_notify(3)), and asks every check anew.
  mutating func beginReload(at now: Moment) {
    var notification = Notification()
    notification.reloading = now
    isReadyOwedForReload = false
    phase = .reloading(since: now)
    effects.append(.cancelProbes)
    beginChecksAnew(at: now)
    notify(notification, at: now)
  }

  /// Rule 1's exception: a reload. systemd is told RELOADING=1, the child gets the signal, and
  /// READY=1 follows when the checks have passed anew. (sd_notify(3); Type=notify-reload in
  /// systemd.service(5).)
  mutating func reload(_ signal: NamedSignal, _ reach: Reach, at now: Moment) {
    if policy.onReload == .replace { return replaceOnReload(signal.name, at: now) }
    switch phase {
    case .ready where owesReady, .reloading where owesReady:
      // To systemd it is still starting, or in the reload before.
      passOn(signal, reach)
    case .ready, .reloading:
      beginReload(at: now)
      log(.info, "reloading on \(signal)")
      effects.append(.signalChild(signal))
      readyIfGatesPass(at: now)
    case .healing(let healing): reloadWhileHealing(signal, reach, healing, at: now)
    case .starting, .stopping:
      // Nothing to judge anew: the child gets the signal as it would without vouch.
      passOn(signal, reach)
    case .launching, .bereft, .ended: break
    }
  }
}
