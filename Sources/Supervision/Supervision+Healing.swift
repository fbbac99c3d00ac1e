// Rule 4's restart. After `fall` failures the child is stopped and started again on the same sockets,
// with a back-off; READY=1 is not sent again; the watchdog stays unfed until the child is healthy, and
// is the backstop.

extension Supervision {
  /// How long a child that is being restarted has between the stop signal and SIGKILL where
  /// `--stop-timeout` is not given: systemd's TimeoutStopSec= does not see this stop. (docker stop
  /// waits as long.)
  static let restartPatience = Duration.seconds(10)
  /// How long a restarted child has to pass its checks before it is restarted again, where
  /// `--start-timeout` is not given: as long as systemd gives a start (DefaultTimeoutStartSec=).
  static let restartBudget = Duration.seconds(90)

  /// Stops the child, so that it can be started again.
  mutating func beginHealing(_ cause: String, at now: Moment) {
    var healing = Healing(stage: .waiting(until: now), since: now, cause: cause)
    switch phase {
    case .reloading: healing.owesReload = true
    case .healing(let before):
      healing.since = before.since
      healing.owesReload = before.owesReload
    default: break
    }
    if let healthySince, now - healthySince >= BackOff.forgottenAfter { backOff.forget() }
    healthySince = nil
    restarts += 1
    let signal = policy.stopSignal ?? .terminate
    healing.stage = .stopping(signal, killAt: now + (policy.stopTimeout ?? Self.restartPatience))
    phase = .healing(healing)
    log(.error, "restarting the child with \(signal): \(cause)")
    effects.append(.cancelProbes)
    for id in records.indices { records[id].probing = nil }
    effects.append(.stopChild(signal))
    tellStatus(at: now)
  }

  /// The old child is gone: what it left behind must not go on serving beside the new one.
  mutating func pauseBeforeRestart(_ end: ChildEnd, at now: Moment) {
    guard case .healing(var healing) = phase else { return }
    effects.append(.killRest)
    let pause = healing.hurries ? .zero : backOff.next()
    healing.hurries = false
    healing.stage = .waiting(until: now + pause)
    phase = .healing(healing)
    let when = pause == .zero ? "at once" : "in \(pause.brief)"
    log(.info, "the child \(end); starting it again \(when)")
    tellStatus(at: now)
  }

  /// The new child runs.
  mutating func beginJudging(at now: Moment) {
    guard case .healing(var healing) = phase, case .launching(let stop) = healing.stage else {
      return
    }
    healing.stage = .judging(since: now)
    phase = .healing(healing)
    startedAt = now
    for id in records.indices { records[id] = CheckRecord(due: now) }
    reports = ChildReports()
    if let stop { return self.stop(stop, .vouchAlone, at: now) }
    if !healWhenPassing(at: now) { tellStatus(at: now) }
  }

  /// The new child could not be started: no memory perhaps, or its program is being replaced.
  mutating func launchFailed(_ reason: String, exitCode: Int32, at now: Moment) {
    guard case .healing(var healing) = phase, case .launching(let stop) = healing.stage else {
      return
    }
    log(.error, reason)
    if stop != nil || now - healing.since >= restartBudget {
      return finish(stop == nil ? .notStarted(exitCode) : .stoppedWithoutChild, at: now)
    }
    healing.stage = .waiting(until: now + backOff.next())
    healing.cause = reason
    phase = .healing(healing)
    tellStatus(at: now)
  }

  /// Goes on as before where the new child passes everything that gates READY=1 or the watchdog.
  mutating func healWhenPassing(at now: Moment) -> Bool {
    guard case .healing(let healing) = phase, case .judging = healing.stage else { return false }
    let gating = policy.checks.indices.filter { policy.checks[$0].gates != .none }
    let pass = gating.allSatisfy { id in
      records[id].passes >= policy.checks[id].rise
        && records[id].isFreshPass(policy.checks[id], at: now) && isSaidReady(id)
    }
    guard pass else { return false }
    phase = .ready
    healthySince = now
    if healing.owesReload { answerForwarded() }
    var notification = Notification()
    // The READY=1 of a replacement that was asked for meanwhile comes when that is over.
    notification.ready = healing.owesReload && !replacing.isTold
    if mayFeed(at: now) { notification.watchdog = .feed }
    notify(notification, at: now)
    let answers = gating.map { plainResult($0) }.joined(separator: "; ")
    log(.info, "healthy again after \((now - healing.since).brief): \(answers)")
    return true
  }

  /// A reload is asked for (`--on-reload replace`): what it is to bring may be what heals the child. The
  /// one that runs has nothing to lose, and a pause would only make everybody wait.
  mutating func hurryRestart(at now: Moment) {
    guard case .healing(var healing) = phase else { return }
    switch healing.stage {
    case .judging:
      beginHealing("a reload is asked for", at: now)
      guard case .healing(let anew) = phase else { return }
      healing = anew
      healing.hurries = true
    case .stopping: healing.hurries = true
    case .waiting: healing.stage = .waiting(until: now)
    case .launching: return
    }
    phase = .healing(healing)
  }

  /// Everything about a restart that the time alone brings about.
  mutating func healOnTime(at now: Moment) {
    guard case .healing(var healing) = phase, let due = healingDue, due <= now else { return }
    switch healing.stage {
    case .stopping(let signal, _):
      healing.stage = .stopping(signal, killAt: nil)
      phase = .healing(healing)
      let patience = (policy.stopTimeout ?? Self.restartPatience).brief
      log(.warning, "not stopped within \(patience): killing it")
      effects.append(.killChild)
    case .waiting:
      healing.stage = .launching(stop: nil)
      phase = .healing(healing)
      replacing.last += 1
      replacing.serving = replacing.last
      effects.append(.startChild)
    case .launching: break
    case .judging:
      let trouble = firstTrouble.map { ": " + $0 } ?? ""
      beginHealing("not healthy within \(restartBudget.brief) of its restart\(trouble)", at: now)
    }
  }

  var healingDue: Moment? {
    guard case .healing(let healing) = phase else { return nil }
    switch healing.stage {
    case .stopping(_, let killAt): return killAt
    case .waiting(let until): return until
    case .launching: return nil
    case .judging(let since): return since + restartBudget
    }
  }

  private var restartBudget: Duration { policy.startTimeout ?? Self.restartBudget }

  /// A stop that systemd or a user asked for while the child is being restarted.
  mutating func stopHealing(
    _ healing: Healing, _ signal: NamedSignal, _ reach: Reach, at now: Moment
  ) {
    log(.info, "stopping on \(signal)")
    switch healing.stage {
    case .stopping(let delivered, let killAt):
      // It has its one stop signal, and as long to heed it as it had.
      beginStop(
        StopState(cause: .signal(signal), hadBefore: delivered, killAt: killAt), at: now)
      settle(signal, reach, at: now)
    case .judging:
      beginStop(StopState(cause: .signal(signal)), at: now)
      settle(signal, reach, at: now)
    case .launching:
      var healing = healing
      healing.stage = .launching(stop: signal)
      phase = .healing(healing)
    case .waiting:
      beginStop(StopState(cause: .signal(signal)), at: now)
      var notification = Notification()
      notification.stopping = true
      notify(notification, at: now)
      finish(.stoppedWithoutChild, at: now)
    }
  }

  /// A reload that is asked for while the child is being restarted: the new child reads everything
  /// anew as it is, and READY=1 follows when it is healthy.
  mutating func reloadWhileHealing(
    _ signal: NamedSignal, _ reach: Reach, _ healing: Healing, at now: Moment
  ) {
    var healing = healing
    healing.owesReload = true
    phase = .healing(healing)
    var notification = Notification()
    notification.reloading = now
    if case .judging = healing.stage {
      effects.append(.cancelProbes)
      beginChecksAnew(at: now)
      notify(notification, at: now)
      if reach != .childToo { effects.append(.signalChild(signal)) }
    } else {
      notify(notification, at: now)
    }
    log(.info, "reloading on \(signal)")
  }
}
