// Rule 1's other reload, `--on-reload replace`: RELOADING=1, a second generation of the child beside the
// one that serves, READY=1 when it passes everything that gates READY=1, and only then a stop signal for
// the old one, which has the time of `--drain` to finish. Where the new one does not pass, it is stopped,
// the old one never notices, and READY=1 is said all the same: the unit stays active.
//
// The watchdog is fed throughout by the checks of the generation that serves. A second reload meanwhile
// waits, and any number of them come to one.

extension Supervision {
  /// A reload where the policy is to replace.
  mutating func replaceOnReload(_ why: String, ticket: ReloadTicket? = nil, at now: Moment) {
    switch phase {
    case .launching, .stopping, .ended:
      // Whoever asks is too late.
      if let ticket { answer([ticket], .stopping) }
    case .starting, .ready, .reloading, .healing, .bereft:
      if let ticket { replacing.waitingForNext.append(ticket) }
      defer { hurryRestart(at: now) }
      if replacing.isWanted { return }
      replacing.isWanted = true
      log(.info, "reloading on \(why)\(obstacle.map { ": waiting until \($0)" } ?? "")")
      // systemd waits for the answer to its signal (Type=notify-reload of systemd.service(5)).
      switch phase {
      case .ready where !replacing.isJudging && !owesReady, .healing: tellReloading(at: now)
      default: break
      }
    }
  }

  /// Why a reload cannot begin now.
  private var obstacle: String? {
    switch phase {
    case .starting: return "the service is ready"
    case .reloading: return "the reload before it is over"
    case .healing: return "the child is healthy"
    default: break
    }
    switch replacing.other {
    case .launching, .judging: return "the reload before it is over"
    case .leaving(let leaving): return "generation \(leaving.generation) has ended"
    case nil: return nil
    }
  }

  private mutating func tellReloading(at now: Moment) {
    if replacing.isTold { return }
    replacing.isTold = true
    isReadyOwedForReload = false
    var notification = Notification()
    notification.reloading = now
    notify(notification, at: now)
  }

  /// Begins the reload that is waited for, once nothing is in its way.
  mutating func beginWantedReload(at now: Moment) {
    guard replacing.isWanted, phase == .ready, replacing.other == nil, !owesReady else { return }
    replacing.isWanted = false
    replacing.waiting = replacing.waitingForNext
    replacing.waitingForNext = []
    replacing.failure = nil
    replacing.last += 1
    replacing.other = .launching
    tellReloading(at: now)
    log(.info, "starting generation \(replacing.last) beside generation \(replacing.serving)")
    effects.append(.other(.start(generation: replacing.last)))
  }

  mutating func otherDid(_ event: OtherEvent, at now: Moment) {
    switch event {
    case .started: otherStarted(at: now)
    case .notStarted(let reason): otherNotStarted(reason, at: now)
    case .probeEnded(let id, let verdict): judge(.probeEnded(id, verdict), at: now)
    case .probeDelayed(let id, let lost): judge(.probeDelayed(id, lost: lost), at: now)
    case .listening: judge(.listening, at: now)
    case .reported(let message): judge(.reported(message), at: now)
    case .ended(let end): otherEnded(end, at: now)
    }
  }

  private mutating func otherStarted(at now: Moment) {
    guard case .launching = replacing.other else { return }
    switch phase {
    case .ready, .bereft:
      replacing.other = .judging(Supervision(policy.ofStart), since: now)
      judge(.childStarted, at: now)
    case .stopping(let state):
      replacing.other = .leaving(Leaving(generation: replacing.last, hasServed: false))
      // Whatever the group has had, it came too late for that. Where systemd is being asked, its answer
      // comes first.
      if state.asking.isEmpty { stopOther(policy.stopSignal ?? .terminate, at: now) }
    case .launching, .starting, .reloading, .healing, .ended: break
    }
  }

  private mutating func otherNotStarted(_ reason: String, at now: Moment) {
    guard case .launching = replacing.other else { return }
    replacing.other = nil
    switch phase {
    case .ready, .bereft: giveUp(reason, at: now)
    case .stopping(let state): if let exit = state.gone { finish(exit, at: now) }
    case .launching, .starting, .reloading, .healing, .ended: break
    }
  }

  // MARK: - Judging

  /// Lets the rules of a start judge the new generation.
  private mutating func judge(_ event: Event, at now: Moment) {
    guard case .judging(var new, let since) = replacing.other else { return }
    let number = replacing.last
    var stops = false
    var passes = false
    for effect in new.handle(event, at: now) {
      switch effect {
      case .probe(let id, let timeout): effects.append(.other(.probe(id, timeout: timeout)))
      case .cancelProbes: effects.append(.other(.cancelProbes))
      case .log(let level, let text): log(level, "generation \(number): \(text)")
      case .notify(let notification):
        stops = stops || notification.stopping
        passes = passes || notification.ready
      // What a start in which nobody is told and nothing is stopped does not ask for.
      case .signalChild, .stopChild, .killChild, .killRest, .startChild, .runAction, .askReach,
        .look, .seeUse, .letGo, .other, .answer, .exit:
        break
      }
    }
    replacing.other = .judging(new, since: since)
    if stops {
      giveUp("it stops by itself", at: now)
    } else if passes {
      promote(new, at: now)
    } else {
      tellStatus(at: now)
    }
  }

  /// The new generation serves from here on, and the old one ends.
  private mutating func promote(_ new: Supervision, at now: Moment) {
    effects.append(.cancelProbes)
    effects.append(.other(.cancelProbes))
    let old = replacing.serving
    replacing.serving = replacing.last
    records = new.records
    for id in records.indices where records[id].probing != nil {
      records[id].probing = nil
      records[id].due = now
    }
    startedAt = new.startedAt
    reports = new.reports
    healthySince = now
    var oldStops = false
    var oldRuns = true
    if case .bereft(let end) = phase { (oldStops, oldRuns) = (true, end == nil) }
    phase = .ready
    effects.append(.other(.swap))
    replacing.other =
      oldRuns
      ? .leaving(
        Leaving(generation: old, hasServed: true, killAt: now + policy.drainBudget)) : nil
    endReload(.done, at: now)
    if oldRuns, !oldStops { stopOther(policy.stopSignal ?? .terminate, at: now) }
  }

  /// The new generation is stopped, and all is as it was.
  private mutating func giveUp(_ reason: String, at now: Moment) {
    let number = replacing.last
    let text = "generation \(number): \(reason)"
    replacing.failure = text
    effects.append(.other(.cancelProbes))
    if case .judging = replacing.other {
      replacing.other = .leaving(
        Leaving(generation: number, hasServed: false, killAt: now + policy.withdrawBudget))
    }
    guard case .bereft(let end) = phase else {
      log(.error, "reload failed: \(text); generation \(replacing.serving) goes on")
      stopOther(policy.stopSignal ?? .terminate, at: now)
      return endReload(.failed(text), at: now)
    }
    log(.error, "reload failed: \(text); generation \(replacing.serving) does not serve either")
    var notification = Notification()
    notification.stopping = true
    stopOther(policy.stopSignal ?? .terminate, at: now)
    let alsoEnded = "generation \(replacing.serving) \(end.map(\.description) ?? "stops")"
    dropReloads(.failed("\(text); \(alsoEnded)"))
    beginStop(StopState(cause: .child), at: now)
    notify(notification, at: now)
    if let end { finish(.like(end), at: now) }
  }

  /// READY=1: systemd takes the reload for ended, well or not.
  private mutating func endReload(_ verdict: ReloadVerdict, at now: Moment) {
    replacing.isTold = false
    isReadyOwedForReload = true
    var notification = Notification()
    notification.ready = true
    if mayFeed(at: now) { notification.watchdog = .feed }
    notify(notification, at: now)
    if verdict == .done { log(.info, "generation \(replacing.serving) serves\(otherText)") }
    answer(replacing.waiting, verdict)
    replacing.waiting = []
  }

  // MARK: - Ending

  private mutating func otherEnded(_ end: ChildEnd, at now: Moment) {
    switch replacing.other {
    case .judging:
      replacing.other = .leaving(Leaving(generation: replacing.last, hasServed: false))
      // It is gone before anything else is said: nothing is left to be stopped.
      effects.append(.other(.cancelProbes))
      effects.append(.other(.killRest))
      replacing.other = nil
      giveUp("it \(end)", at: now)
    case .leaving(let leaving):
      replacing.other = nil
      log(.info, "generation \(leaving.generation) \(end)")
      effects.append(.other(.killRest))
      if case .stopping(let state) = phase, let exit = state.gone {
        return finish(exit, at: now)
      }
      if phase == .ready { tellStatus(at: now) }
    case .launching, nil: break
    }
  }

  /// Ends vouch, once no generation runs any more.
  mutating func finish(_ exit: Exit, at now: Moment) {
    guard replacing.other == nil else {
      if case .stopping(var state) = phase {
        (state.gone, state.killAt) = (exit, nil)
        phase = .stopping(state)
      } else {
        // Nobody serves any more, and nobody asked for it: the next start is not to wait.
        beginStop(StopState(cause: .child, gone: exit), at: now)
        killOther()
      }
      return
    }
    phase = .ended
    if lastWords != nil { notify(Notification(), at: now) }
    effects.append(.exit(exit))
  }

  /// The child has ended while the one that is to replace it is being judged.
  mutating func beBereft(of end: ChildEnd, at now: Moment) {
    beBereft(end)
    effects.append(.killRest)
    log(
      .error,
      "the child \(end): generation \(replacing.last), which is being judged, may take its place")
    tellStatus(at: now)
  }

  /// Nobody is probed but the new one, and what was to be done about the old one is so no more.
  mutating func beBereft(_ end: ChildEnd?) {
    effects.append(.cancelProbes)
    for id in records.indices {
      records[id].probing = nil
      records[id].acted = false
    }
    phase = .bereft(end)
  }

  /// Sends the other generation a stop signal, each one once.
  mutating func stopOther(_ signal: NamedSignal, at now: Moment) {
    guard case .leaving(var leaving) = replacing.other, leaving.delivered.insert(signal).inserted
    else { return }
    replacing.other = .leaving(leaving)
    effects.append(.other(.stop(signal)))
  }

  mutating func killOther() {
    guard case .leaving(var leaving) = replacing.other else { return }
    leaving.killAt = nil
    replacing.other = .leaving(leaving)
    effects.append(.other(.kill))
  }

  /// The service is being stopped: no reload goes on. The signal follows.
  mutating func dropReloads(_ verdict: ReloadVerdict) {
    replacing.isWanted = false
    replacing.isTold = false
    if case .judging = replacing.other {
      effects.append(.other(.cancelProbes))
      replacing.other = .leaving(Leaving(generation: replacing.last, hasServed: false))
    }
    let all = replacing.waiting + replacing.waitingForNext
    (replacing.waiting, replacing.waitingForNext, replacing.answerAt) = ([], [], nil)
    answer(all, verdict)
  }

  /// A stop of the service reaches the other generation: from vouch, or from systemd itself.
  mutating func settleOther(_ signal: NamedSignal, hasHad: Bool, at now: Moment) {
    guard case .leaving(var leaving) = replacing.other else { return }
    // A dump is asked of the one that serves.
    let signal = signal == .abort ? policy.stopSignal ?? .terminate : signal
    if hasHad {
      leaving.delivered.insert(signal)
      replacing.other = .leaving(leaving)
    } else {
      stopOther(signal, at: now)
    }
    guard case .leaving(var left) = replacing.other, left.killAt == nil, !left.hasServed,
      let patience = policy.stopTimeout
    else { return }
    left.killAt = now + patience
    replacing.other = .leaving(left)
  }

  // MARK: - Time

  /// Everything about a second generation that the time alone brings about.
  mutating func replaceOnTime(at now: Moment) {
    switch replacing.other {
    case .judging(let new, let since):
      if since + policy.reloadBudget <= now {
        let trouble = new.firstTrouble.map { ": " + $0 } ?? ""
        giveUp("not healthy within \(policy.reloadBudget.brief)\(trouble)", at: now)
      } else if let wake = new.wakeAt, wake <= now {
        judge(.clock, at: now)
      }
    case .leaving(let leaving):
      guard let killAt = leaving.killAt, killAt <= now else { break }
      let time = (leaving.hasServed ? policy.drainBudget : policy.withdrawBudget).brief
      log(
        .warning,
        "generation \(leaving.generation) has not ended within \(time): killing it")
      killOther()
    case .launching, nil: break
    }
    if let due = reloadExtensionDue, due <= now { notify(Notification(), at: now) }
    answerLateReload(at: now)
  }

  var replacingDue: Moment? {
    let due: [Moment?] =
      switch replacing.other {
      case .judging(let new, let since): [new.wakeAt, since + policy.reloadBudget]
      case .leaving(let leaving): [leaving.killAt]
      case .launching, nil: []
      }
    return (due + [replacing.answerAt, reloadExtensionDue]).compactMap { $0 }.min()
  }

  // MARK: - STATUS

  /// What STATUS begins with while a reload goes on.
  func reloadText(withTimes: Bool) -> String {
    switch replacing.other {
    case .launching: return "reloading: generation \(replacing.last): starting; "
    case .judging(let new, _):
      let checks = new.join(nil, withTimes: withTimes)
      return "reloading: generation \(replacing.last): \(checks.isEmpty ? "starting" : checks); "
    case .leaving, nil: return replacing.isTold ? "reloading; " : ""
    }
  }

  /// What it ends with.
  var otherText: String {
    if case .leaving(let leaving) = replacing.other {
      let leaves = "; generation \(leaving.generation) ends"
      return replacing.failure.map { "; reload failed: \($0)" } ?? leaves
    }
    return replacing.failure.map { "; reload failed: \($0)" } ?? ""
  }
}
