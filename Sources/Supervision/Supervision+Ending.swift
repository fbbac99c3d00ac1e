// Rule 5. SIGTERM and friends are forwarded; STOPPING=1 is sent; probing stops; the child gets
// exactly one copy whatever KillMode= is. The child's end decides vouch's.

extension Supervision {
  mutating func stop(_ signal: NamedSignal, _ reach: Reach, at now: Moment) {
    switch phase {
    case .launching:
      // The child is not there yet; the shell has all signals blocked and delivers them after.
      break
    case .starting, .ready, .reloading:
      log(.info, "stopping on \(signal)")
      beginStop(StopState(cause: .signal(signal)), at: now)
      settle(signal, reach, at: now)
    case .healing(let healing): stopHealing(healing, signal, reach, at: now)
    case .bereft(let end):
      log(.info, "stopping on \(signal)")
      beginStop(StopState(cause: .signal(signal), gone: end.map { .like($0) }), at: now)
      settle(signal, reach, at: now)
    case .stopping(let state):
      // The same request again is the same stop; another signal is a stronger wish.
      guard !state.delivered.contains(signal), !state.asking.contains(signal) else { return }
      settle(signal, reach, at: now)
    case .ended: break
    }
  }

  mutating func reachKnown(_ reach: Reach, at now: Moment) {
    guard case .stopping(var state) = phase else { return }
    let asked = state.asking
    state.asking = []
    phase = .stopping(state)
    for signal in asked { settle(signal, reach == .unknown ? .vouchAlone : reach, at: now) }
  }

  mutating func beginStop(_ state: StopState, at now: Moment) {
    phase = .stopping(state)
    extendAt = nil
    // What systemd has not taken yet is no longer true.
    owed = nil
    effects.append(.cancelProbes)
    for id in records.indices { records[id].probing = nil }
    dropReloads(.stopping)
  }

  mutating func settle(_ signal: NamedSignal, _ reach: Reach, at now: Moment) {
    guard case .stopping(var state) = phase else { return }
    switch reach {
    case .unknown:
      // STOPPING=1 waits for the answer: it would itself make the unit one that is being stopped.
      if state.asking.isEmpty { effects.append(.askReach) }
      state.asking.append(signal)
      phase = .stopping(state)
    case .vouchAlone:
      tellStopping(at: now)
      deliver(
        isFirst(signal) && signal != .abort ? policy.stopSignal ?? signal : signal, asked: signal,
        at: now)
    case .childToo:
      tellStopping(at: now)
      state.delivered.insert(signal)
      phase = .stopping(state)
      settleOther(signal, hasHad: true, at: now)
      armKill(at: now)
    }
  }

  private func isFirst(_ signal: NamedSignal) -> Bool {
    guard case .stopping(let state) = phase else { return false }
    return switch state.cause {
    case .signal(let first): first == signal
    // The stop that systemd sends after STOPPING=1 is the first signal of it.
    case .child: state.delivered.isEmpty
    // It has had its one stop; systemd's is the same.
    case .startTimeout, .idle: false
    }
  }

  private mutating func tellStopping(at now: Moment) {
    guard case .stopping(let state) = phase, state.delivered.isEmpty else { return }
    var notification = Notification()
    notification.stopping = true
    notify(notification, at: now)
  }

  /// Sends the child its stop signal, and starts to wait for its end.
  mutating func deliver(_ signal: NamedSignal, asked: NamedSignal? = nil, at now: Moment) {
    guard case .stopping(var state) = phase else { return }
    let isNew = state.delivered.insert(signal).inserted && signal != state.hadBefore
    if let asked { state.delivered.insert(asked) }
    phase = .stopping(state)
    if isNew, state.gone == nil { effects.append(.stopChild(signal)) }
    settleOther(signal, hasHad: false, at: now)
    armKill(at: now)
  }

  private mutating func armKill(at now: Moment) {
    guard case .stopping(var state) = phase, state.killAt == nil, state.gone == nil else { return }
    state.killAt = patience(for: state).map { now + $0 }
    phase = .stopping(state)
  }

  /// How long a stop may take. TimeoutStopSec= of systemd rules where `--stop-timeout` is not given,
  /// but not while a unit starts: then its default does.
  func patience(for state: StopState) -> Duration? {
    policy.stopTimeout ?? (state.cause == .startTimeout ? .seconds(90) : nil)
  }

  mutating func killWhenOverdue(at now: Moment) {
    guard case .stopping(var state) = phase, let killAt = state.killAt, killAt <= now else {
      return
    }
    state.killAt = nil
    phase = .stopping(state)
    let patience = (patience(for: state) ?? Self.restartPatience).brief
    log(.warning, "not stopped within the stop timeout of \(patience): killing it")
    effects.append(.killChild)
  }

  /// A signal that is neither a stop nor a reload reaches the child as if vouch were not there.
  mutating func passOn(_ signal: NamedSignal, _ reach: Reach) {
    switch phase {
    case .launching, .bereft, .ended: break
    case .starting, .ready, .reloading:
      if reach != .childToo { effects.append(.signalChild(signal)) }
    case .healing(let healing):
      if reach != .childToo, healing.hasChild { effects.append(.signalChild(signal)) }
    case .stopping(let state):
      if state.gone != nil { return }
      // What systemd sends to a group that it stops (SendSIGHUP=), the child has from systemd.
      if reach == .vouchAlone { effects.append(.signalChild(signal)) }
    }
  }

  mutating func childEnded(_ end: ChildEnd, at now: Moment) {
    var exit = Exit.like(end)
    var level = LogLevel.info
    switch phase {
    case .stopping(let state):
      if state.cause == .startTimeout { exit = .startTimeout }
      if state.cause == .child, end != .exited(0) { level = .error }
      if case .idle = state.cause {
        exit = .idle
        if !isOrdinary(end, after: state) { level = .warning }
      }
    case .healing(let healing):
      switch healing.stage {
      case .stopping: return pauseBeforeRestart(end, at: now)
      case .waiting, .launching: return
      case .judging: level = .error
      }
    case .ready where replacing.isJudging: return beBereft(of: end, at: now)
    case .bereft: return beBereft(of: end, at: now)
    case .launching, .starting, .ready, .reloading:
      // Nobody asked for it, so it is news, unless it is a clean end.
      if end != .exited(0) { level = .error }
    case .ended: return
    }
    effects.append(.cancelProbes)
    tellFindingAtEnd(end, at: now)
    log(level, "the child \(end)")
    finish(exit, at: now)
  }
}
