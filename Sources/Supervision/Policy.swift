/// What vouch does when a check that gates the watchdog has failed `fall` times in a row.
public enum OnUnhealthy: Sendable, Hashable {
  /// Nothing: the watchdog goes unfed, and systemd acts when its period is over.
  case withhold
  /// WATCHDOG=trigger with the reason, so that systemd acts at once (sd_notify(3)).
  case trigger
  /// The child is stopped and started again on the same sockets.
  case restart
  /// A command is run; then as `withhold`.
  case command
}

/// Everything that was settled on the command line and by the environment before the start.
public struct Policy: Sendable {
  public var checks: [Check]
  /// WATCHDOG_USEC as sd_watchdog_enabled(3) tells it; nil without a watchdog.
  public var watchdog: Duration?
  /// The budget of `--start-timeout`; nil leaves the start to systemd's TimeoutStartSec=.
  public var startTimeout: Duration?
  public var onUnhealthy: OnUnhealthy
  /// What the child gets in place of the stop signal that vouch got (`--stop-signal`).
  public var stopSignal: NamedSignal?
  /// From the stop signal to SIGKILL (`--stop-timeout`); nil leaves it to TimeoutStopSec=.
  public var stopTimeout: Duration?
  /// Whether there are passed sockets that the child may leave alone, so that a look at them may tell why
  /// it does not become ready.
  public var hasPassedSockets = false
  public var onReload: OnReload
  /// How long a generation that was replaced has to finish (`--drain`); nil stands for `stopTimeout`,
  /// or 10 s.
  public var drain: Duration?
  /// After how long without a connection the child is stopped (`--exit-idle`); nil: never.
  public var exitIdle: Duration?
  /// How long vouch stays up at least before it ends for being idle, until `Event.leastLife` tells better.
  public var leastLife = Duration.zero
  /// What the random part of the back-off between restarts is drawn from.
  public var seed: UInt64

  public init(
    checks: [Check], watchdog: Duration? = nil, startTimeout: Duration? = nil,
    onUnhealthy: OnUnhealthy = .withhold, stopSignal: NamedSignal? = nil,
    stopTimeout: Duration? = nil, onReload: OnReload = .forward, drain: Duration? = nil,
    exitIdle: Duration? = nil, seed: UInt64 = 0
  ) {
    self.checks = checks
    self.watchdog = watchdog
    self.startTimeout = startTimeout
    self.onUnhealthy = onUnhealthy
    self.stopSignal = stopSignal
    self.stopTimeout = stopTimeout
    self.onReload = onReload
    self.drain = drain
    self.exitIdle = exitIdle
    self.seed = seed
  }

  /// The shortest interval: a period below three of them cannot be kept, and trying to would leave
  /// the loop no time for anything else.
  public static let shortestInterval = Duration.milliseconds(1)

  /// `--interval` where none is given: a third of the watchdog's period, 10 s without a watchdog.
  public static func defaultInterval(watchdog: Duration?) -> Duration {
    watchdog.map { max($0 / 3, shortestInterval) } ?? .seconds(10)
  }

  /// `--timeout` where none is given: the smaller of 5 s and the interval.
  public static func defaultTimeout(interval: Duration) -> Duration { min(.seconds(5), interval) }
}

/// Why a policy cannot work; each case is a line that names the mend.
public enum PolicyProblem: Error, Hashable, CustomStringConvertible {
  case sameName(String)
  /// Rule 3: the quickest check that gates the watchdog is too slow to feed it.
  case cannotFeed(check: String, interval: Duration, timeout: Duration, watchdog: Duration)

  /// Rule 3: the quickest is a passive check, and its reports may come too seldom to feed it.
  case cannotFeedByReports(check: String, interval: Duration, watchdog: Duration)

  public var description: String {
    switch self {
    case .cannotFeedByReports(let check, let interval, let watchdog):
      return "\(check) cannot feed the watchdog in time: interval \(interval.brief) + a quarter of "
        + "WatchdogSec= (\(watchdog.brief)), within which it is fed once, = "
        + "\((interval + watchdog / 4).brief): make interval= at most \((watchdog / 4 * 3).brief), or "
        + "WatchdogSec= larger"
    case .sameName(let name):
      return "two checks are named \"\(name)\": give one of them another name="
    case .cannotFeed(let check, let interval, let timeout, let watchdog):
      return "\(check) cannot feed the watchdog in time: interval \(interval.brief) + timeout "
        + "\(timeout.brief) = \((interval + timeout).brief), and WatchdogSec= is "
        + "\(watchdog.brief): make interval= or timeout= smaller, or WatchdogSec= larger"
    }
  }
}

extension Policy {
  /// The first thing that makes this policy impossible, or nil.
  public var problem: PolicyProblem? {
    var names = Set<String>()
    for check in checks where !names.insert(check.name).inserted {
      return .sameName(check.name)
    }
    // A slower check beside a quick one is fine: its last pass stays fresh for as long as it takes.
    if let watchdog,
      let quickest = checks.filter({ $0.gates.contains(.watchdog) })
        .min(by: { $0.feedGap(watchdog: watchdog) < $1.feedGap(watchdog: watchdog) }),
      quickest.feedGap(watchdog: watchdog) > watchdog
    {
      return quickest.reporter == nil
        ? .cannotFeed(
          check: quickest.name, interval: quickest.interval, timeout: quickest.timeout,
          watchdog: watchdog)
        : .cannotFeedByReports(
          check: quickest.name, interval: quickest.interval, watchdog: watchdog)
    }
    return nil
  }
}

extension Policy {
  /// The components that some check hears.
  public var components: [String] {
    checks.compactMap { if case .component(let name) = $0.reporter { name } else { nil } }
  }

  /// Whether some check wants the child to report, so that it needs a notify socket.
  public var hearsChild: Bool { checks.contains { $0.reporter != nil } }

  /// How often the program is to send WATCHDOG=1, for its WATCHDOG_USEC; nil where no check asks.
  public var programKeepAlive: Duration? {
    checks.filter { $0.reporter == .program(keptAlive: true) }.map(\.interval).min()
  }
}
