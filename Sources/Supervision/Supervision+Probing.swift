// The schedule of probes, and rule 7: a prober's own trouble is not the child's failure. It is
// logged, retried, and never counted. Late timers are not a timeout of the child.

extension Supervision {
  mutating func startProbes(at now: Moment) {
    guard phase.probes else { return }
    for id in records.indices
    where records[id].probing == nil && records[id].due <= now && policy.checks[id].reporter == nil
    {
      records[id].probing = now
      records[id].lostInFlight = .zero
      effects.append(.probe(id, timeout: policy.checks[id].timeout))
    }
  }

  mutating func probeEnded(_ id: CheckID, _ outcome: ProbeVerdict, at now: Moment) {
    guard phase.probes, let began = records[id].probing else { return }
    records[id].probing = nil
    switch outcome {
    case .passed(let detail):
      // An answer that lay unread for longer than the check allows says how things were, not how
      // they are.
      let late = now - began - policy.checks[id].timeout - records[id].lostInFlight
      if late > Self.starvationAllowed {
        starved(id, late, detail, at: now)
      } else {
        passed(id, detail, began: began, at: now)
      }
    case .stale(let detail, let late): starved(id, late, detail, at: now)
    case .failed(let reason): failed(id, reason, again: pauseAfterFailure(id, at: now), at: now)
    case .timedOut(let reason):
      // A request that nobody took from the listen queue is put there again at once, so that the
      // answer still comes the moment the child serves.
      let waits = policy.checks[id].waitsInListenQueue && phase.judgingSince != nil
      let again = waits ? now : pauseAfterFailure(id, at: now)
      failed(id, reason, again: again, at: now)
    case .inconclusive(let reason):
      inconclusive(id, reason, again: pauseAfterFailure(id, at: now), at: now)
    }
  }

  private mutating func passed(_ id: CheckID, _ detail: String, began: Moment, at now: Moment) {
    let check = policy.checks[id]
    if records[id].trouble != nil { log(.info, "\(check.name): can be checked again") }
    let isNews = !records[id].says(detail)
    records[id].pass(detail, took: now - began, at: now)
    let risen = records[id].passes >= check.rise
    records[id].due = risen ? max(now, began + check.interval) : now + retryInterval(id)
    logRecovery(id, risen: risen)
    // READY=1 tells STATUS too, and arms the watchdog: nothing more is due for this result.
    if !readyIfGatesPass(at: now), !healWhenPassing(at: now), !feed(for: id, at: now) {
      tellStatus(isNews: isNews, at: now)
    }
  }

  /// - Parameter times: how many failures it stands for.
  mutating func failed(
    _ id: CheckID, _ reason: String, times: Int = 1, again: Moment, at now: Moment
  ) {
    records[id].fail(reason, counted: counts(id, at: now), times: times)
    records[id].due = again
    if counts(id, at: now) || phase == .ready { logFailure(id, reason) }
    if !actOnFall(id, at: now) { tellStatus(at: now) }
  }

  private mutating func inconclusive(
    _ id: CheckID, _ reason: String, again: Moment, at now: Moment
  ) {
    records[id].due = again
    noteTrouble(id, reason)
    tellStatus(at: now)
  }

  mutating func noteTrouble(_ id: CheckID, _ reason: String) {
    if records[id].trouble == nil {
      log(.warning, "\(policy.checks[id].name): cannot be checked: \(reason)")
    }
    records[id].trouble = reason
  }

  /// Soon while READY=1 is awaited, a third of the interval otherwise: within the watchdog's period
  /// there is time to try again.
  private func pauseAfterFailure(_ id: CheckID, at now: Moment) -> Moment {
    guard let since = phase.judgingSince, !counts(id, at: now) else {
      return now + retryInterval(id)
    }
    return now + min(Self.startPause(now - since), retryInterval(id))
  }

  /// Whether a failure counts now: not before the first success, and not in the first interval of a
  /// reload, when a server may be away for a moment.
  private func counts(_ id: CheckID, at now: Moment) -> Bool {
    guard records[id].hasEverPassed else { return false }
    switch phase {
    case .ready: return true
    case .reloading(let since): return now - since >= policy.checks[id].interval
    case .launching, .starting, .healing, .bereft, .stopping, .ended: return false
    }
  }

  /// The pause after a failure, and between the passes that `rise` asks for: a third of the interval,
  /// and never so long that a slow check could not be tried again within the watchdog's period.
  func retryInterval(_ id: CheckID) -> Duration {
    let check = policy.checks[id]
    var interval = check.interval
    if let watchdog = policy.watchdog, check.gates.contains(.watchdog) {
      interval = min(interval, watchdog)
    }
    return max(interval / 3, Policy.shortestInterval)
  }
}
