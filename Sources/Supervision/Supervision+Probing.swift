// The schedule of probes, and rule 7: a prober's own trouble is not the child's failure. It is
// logged, retried, and never counted. Late timers are not a timeout of the child.

extension Supervision {
  /// How late a timeout may be noticed and still be the child's: beyond it, vouch itself had no
  /// CPU, and an answer may have waited unread.
  static let latenessAllowed = Duration.milliseconds(50)

  mutating func startProbes(at now: Moment) {
    guard phase.probes else { return }
    for id in records.indices where records[id].probing == nil && records[id].due <= now {
      records[id].probing = now
      effects.append(.probe(id, timeout: policy.checks[id].timeout))
    }
  }

  mutating func probeEnded(_ id: CheckID, _ outcome: ProbeVerdict, at now: Moment) {
    guard phase.probes, let began = records[id].probing else { return }
    records[id].probing = nil
    switch outcome {
    case .passed(let detail): passed(id, detail, began: began, at: now)
    case .failed(let reason): failed(id, reason, again: pauseAfterFailure(id, at: now), at: now)
    case .timedOut(let reason, let late) where late > Self.latenessAllowed:
      let cause = "vouch itself was late by \(late.brief): \(reason)"
      inconclusive(id, cause, again: now, at: now)
    case .timedOut(let reason, _):
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
    records[id].due = risen ? max(now, began + check.interval) : now + check.retryInterval
    logRecovery(id, risen: risen)
    // READY=1 tells STATUS too, and arms the watchdog: nothing more is due for this result.
    if !readyIfGatesPass(at: now), !feed(for: id, at: now) { tellStatus(isNews: isNews, at: now) }
  }

  private mutating func failed(
    _ id: CheckID, _ reason: String, again: Moment, at now: Moment
  ) {
    records[id].fail(reason, counted: phase == .ready && records[id].hasEverPassed)
    records[id].due = again
    logFailure(id, reason)
    if !actOnFall(id, at: now) { tellStatus(at: now) }
  }

  private mutating func inconclusive(
    _ id: CheckID, _ reason: String, again: Moment, at now: Moment
  ) {
    records[id].due = again
    if records[id].trouble == nil {
      log(.warning, "\(policy.checks[id].name): cannot be checked: \(reason)")
    }
    records[id].trouble = reason
    tellStatus(at: now)
  }

  /// Soon while READY=1 is awaited, a third of the interval otherwise: within the watchdog's period
  /// there is time to try again.
  private func pauseAfterFailure(_ id: CheckID, at now: Moment) -> Moment {
    guard let since = phase.judgingSince else { return now + policy.checks[id].retryInterval }
    return now + min(Self.startPause(now - since), policy.checks[id].retryInterval)
  }
}
