// `--exit-idle`: when no passed socket has had a connection open or waiting for so long, the child is
// stopped and vouch ends successfully; systemd, which has the sockets, starts the service again for the
// next connection. Nothing of this counts while the child starts, reloads, is replaced, heals, stops or
// fails.
//
// No connection is lost: the last look before the stop signal is made with the child stopped by
// SIGSTOP. What had come by then is seen, and the child goes on; what comes later stays in the queue, for
// a graceful child that still takes it, or for the next activation.
//
// systemd limits how often a service starts, and closes the socket of one that comes too often
// (systemd.unit(5), StartLimitIntervalSec=): so vouch does not end before its least life is over.

/// How long nobody has used the child.
struct Idling: Hashable, Sendable {
  enum Looking: Hashable, Sendable { case no, plainly, held }

  /// Since when no connection is known to have come or been open.
  var since: Moment?
  /// When to look next; nil while a look is on its way.
  var lookAt: Moment?
  var looking = Looking.no
  /// Why the last look could not tell, while that lasts: logged once.
  var trouble: String?
}

extension Supervision {
  /// While connections are open, how often it is looked whether they are still: that they close,
  /// nothing tells. So the child is stopped at most this much later than it could be.
  static func usePause(_ time: Duration) -> Duration {
    min(max(time / 8, .milliseconds(10)), .seconds(30))
  }

  /// Begins and ends the count with the phase, and looks when it is time to.
  mutating func idle(at now: Moment) {
    guard let limit = policy.exitIdle else { return }
    guard phase == .ready, !owesReady, replacing.other == nil else { return endIdling() }
    var idling = idling ?? Idling(lookAt: now)
    if let due = idling.lookAt, due <= now {
      let isOver = idling.since.map { now >= mayEnd(after: limit, since: $0) } ?? false
      if isOver, !isUsable {
        // A child that fails is the watchdog's, or is about to be healed.
        idling.lookAt = now + Self.usePause(limit)
      } else {
        idling.looking = isOver ? .held : .plainly
        idling.lookAt = nil
        effects.append(.seeUse(held: isOver))
      }
    }
    self.idling = idling
  }

  private func mayEnd(after limit: Duration, since: Moment) -> Moment {
    max(since + limit, upSince.map { $0 + leastLife } ?? since)
  }

  mutating func live(atLeast time: Duration, at now: Moment) {
    leastLife = time
    guard let limit = policy.exitIdle, let since = idling?.since, idling?.looking == .no else {
      return
    }
    let lookAt = max(mayEnd(after: limit, since: since), now)
    idling?.lookAt = lookAt
  }

  /// Whether all checks that gate anything pass.
  private var isUsable: Bool {
    policy.checks.indices.allSatisfy {
      policy.checks[$0].gates == .none || records[$0].isPassing
    }
  }

  private mutating func endIdling() {
    if phase != .ended, let idling, idling.looking != .no { effects.append(.letGo) }
    idling = nil
  }

  mutating func arrived(at now: Moment) {
    guard let limit = policy.exitIdle, idling != nil else { return }
    idling?.since = nil
    // A look that is on its way tells the same.
    if idling?.looking == .no { idling?.lookAt = now + Self.usePause(limit) }
  }

  mutating func useSeen(_ use: Use, at now: Moment) {
    guard let limit = policy.exitIdle, var idling, idling.looking != .no else { return }
    let wasHeld = idling.looking == .held
    idling.looking = .no
    defer { if phase == .ready { self.idling = idling } }
    if case .unknown(let reason) = use {
      if idling.trouble == nil {
        log(.warning, "whether the service is idle cannot be told: \(reason)")
      }
      idling.trouble = reason
    } else {
      idling.trouble = nil
    }
    guard use == .quiet else {
      idling.since = nil
      idling.lookAt = now + Self.usePause(limit)
      if wasHeld { effects.append(.letGo) }
      return
    }
    if wasHeld, let since = idling.since, now >= mayEnd(after: limit, since: since), isUsable {
      self.idling = nil
      return stopIdle(after: limit, at: now)
    }
    if wasHeld { effects.append(.letGo) }
    let since = idling.since ?? now
    idling.since = since
    // Meanwhile each connection is told of as it comes.
    idling.lookAt = max(
      mayEnd(after: limit, since: since), wasHeld ? now + Self.usePause(limit) : now)
  }

  private mutating func stopIdle(after limit: Duration, at now: Moment) {
    log(.info, "idle for \(limit.brief): stopping")
    beginStop(StopState(cause: .idle(limit)), at: now)
    var notification = Notification()
    notification.stopping = true
    notify(notification, at: now)
    // systemd's own SIGTERM, should it want to stop the service just now, is the same stop.
    deliver(policy.stopSignal ?? .terminate, asked: .terminate, at: now)
  }

  /// Whether a child that was told to stop ended as one does: cleanly, by that signal, or with the
  /// status that a shell gives for it (Java, for one, exits so).
  func isOrdinary(_ end: ChildEnd, after state: StopState) -> Bool {
    switch end {
    case .exited(let code): code == 0 || state.delivered.contains { 128 + $0.number == code }
    case .signaled(let signal): state.delivered.contains(signal)
    }
  }
}
