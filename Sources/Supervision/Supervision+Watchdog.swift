// Rule 3. WATCHDOG=1 is sent when a passing result arrives, at most once per WATCHDOG_USEC/4. It
// says: the last result of every check that gates the watchdog is a pass, and fresh. There is no
// timer that feeds the watchdog by itself, but where no check gates it (`--no-check`), and then it
// says that the child lives.

extension Supervision {
  /// Feeds the watchdog where the pass of this check allows it.
  ///
  /// - Returns: whether anything was sent.
  mutating func feed(for id: CheckID, at now: Moment) -> Bool {
    guard policy.checks[id].gates.contains(.watchdog), mayFeed(at: now) else { return false }
    var notification = Notification()
    notification.watchdog = .feed
    notify(notification, at: now)
    return true
  }

  func mayFeed(at now: Moment) -> Bool {
    guard let watchdog = policy.watchdog, let fedAt, now - fedAt >= watchdog / 4 else {
      return false
    }
    return isFit(at: now)
  }

  /// Whether WATCHDOG=1 would be true now.
  func isFit(at now: Moment) -> Bool {
    switch phase {
    case .ready, .reloading: break
    case .launching, .starting, .healing, .bereft, .stopping, .ended: return false
    }
    if owesReady { return false }
    return policy.checks.indices.allSatisfy { id in
      !policy.checks[id].gates.contains(.watchdog)
        || records[id].isFreshPass(policy.checks[id], at: now)
    }
  }

  /// When the watchdog is next fed for the child's life alone.
  var livenessFeedAt: Moment? {
    switch phase {
    case .ready, .reloading: break
    case .launching, .starting, .healing, .bereft, .stopping, .ended: return nil
    }
    guard let watchdog = policy.watchdog, let fedAt, policy.isWatchdogUngated, !owesReady else {
      return nil
    }
    return fedAt + Policy.defaultInterval(watchdog: watchdog)
  }

  mutating func feedForLife(at now: Moment) {
    guard let due = livenessFeedAt, due <= now else { return }
    var notification = Notification()
    notification.watchdog = .feed
    notify(notification, at: now)
  }
}

extension Policy {
  /// Whether no check gates the watchdog, so that it says no more than that the child lives.
  public var isWatchdogUngated: Bool { !checks.contains { $0.gates.contains(.watchdog) } }
}
