// What goes to systemd, and what it has not taken yet. A notify socket that is full or gone is
// vouch's own trouble (rule 7): it is logged once, offered again, and nothing that has ceased to be
// true is ever sent late.

/// A datagram that systemd has not taken.
struct Owed: Hashable, Sendable {
  var notification: Notification
  var offerAt: Moment
  /// How often systemd has been offered it in vain.
  var tries: Int
}

extension Supervision {
  /// How soon a datagram that was not taken is offered again: 100 ms, doubling to 1.6 s.
  static func offerPause(_ tries: Int) -> Duration { .milliseconds(100) * (1 << min(tries, 4)) }
  /// A STATUS that differs by no more than a time is sent at most this often.
  static let statusEvery = Duration.seconds(1)
  /// Trouble with the notify socket that was quiet for this long is news again.
  static let troubleForgottenAfter = Duration.seconds(10)

  /// Sends a datagram with the STATUS of now, and with what was owed before and is still true.
  mutating func notify(_ notification: Notification, at now: Moment) {
    var notification = notification
    offersInVain = owed?.tries ?? 0
    if let earlier = owed?.notification { inherit(earlier, into: &notification, at: now) }
    notification.status = statusText
    if notification.watchdog == .feed { fedAt = now }
    if notification.extendTimeout == nil, !notification.ready {
      notification.extendTimeout = reloadExtension(at: now)
    }
    statusSent = (statusKey, statusText, now)
    reports.tellAt = nil
    effects.append(.notify(notification))
  }

  /// Sends STATUS alone where it says something new (rule 9).
  ///
  /// - Parameter isNews: false where no more than a time can have changed.
  mutating func tellStatus(isNews: Bool = true, at now: Moment) {
    if let sent = statusSent {
      if !isNews, now - sent.at < Self.statusEvery { return }
      if sent.text == statusText { return }
      if sent.key == statusKey, now - sent.at < Self.statusEvery { return }
    }
    notify(Notification(), at: now)
  }

  mutating func owe(_ notification: Notification, _ reason: String, at now: Moment) {
    if undeliveredAt.map({ now - $0 > Self.troubleForgottenAfter }) ?? true {
      log(.warning, "systemd cannot be told: \(reason); trying again")
    }
    undeliveredAt = now
    // Two may be refused before either is heard of: neither may be forgotten.
    var notification = notification
    if let earlier = owed?.notification { notification.takeIn(earlier) }
    owed = Owed(
      notification: notification, offerAt: now + Self.offerPause(offersInVain),
      tries: offersInVain + 1)
  }

  mutating func offerAgain(at now: Moment) {
    guard let owed, owed.offerAt <= now else { return }
    notify(Notification(), at: now)
  }

  /// Whether systemd has not taken READY=1 yet: to it, the service is still starting.
  var owesReady: Bool { owed?.notification.ready ?? false }

  /// Takes over what an earlier datagram should have told. What has ceased to be true is dropped,
  /// or waits until it is true again.
  private mutating func inherit(
    _ earlier: Notification, into notification: inout Notification, at now: Moment
  ) {
    owed = nil
    notification.stopping = notification.stopping || earlier.stopping
    if notification.extendTimeout == nil, case .starting = phase {
      notification.extendTimeout = earlier.extendTimeout
    }
    if notification.reloading == nil, awaitsReload {
      notification.reloading = earlier.reloading
    }
    if notification.watchdog == nil {
      switch earlier.watchdog {
      case .feed where isFit(at: now): notification.watchdog = .feed
      case .trigger where records.contains { $0.acted }: notification.watchdog = .trigger
      default: break
      }
    }
    if earlier.ready, isReadyOwedForReload, isUp {
      notification.ready = true
    } else if earlier.ready, phase == .ready {
      if readyGatesPass(at: now) {
        notification.ready = true
      } else {
        var ready = Notification()
        ready.ready = true
        owed = Owed(notification: ready, offerAt: now + Self.offerPause(4), tries: 0)
      }
    }
  }

  /// Whether systemd was told, or is owed, RELOADING=1, and waits for READY=1.
  private var awaitsReload: Bool {
    if replacing.isTold { return true }
    switch phase {
    case .reloading: return true
    case .healing(let healing): return healing.owesReload
    case .launching, .starting, .ready, .bereft, .stopping, .ended: return false
    }
  }

  private var isUp: Bool {
    switch phase {
    case .ready, .healing, .bereft: true
    case .launching, .starting, .reloading, .stopping, .ended: false
    }
  }

  mutating func log(_ level: LogLevel, _ text: String) { effects.append(.log(level, text)) }
}
