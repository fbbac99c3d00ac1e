/// What a check decides about.
public struct Gates: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// READY=1 waits for this check.
  public static let ready = Gates(rawValue: 1)
  /// WATCHDOG=1 is sent only while this check passes.
  public static let watchdog = Gates(rawValue: 2)
  /// The default.
  public static let both: Gates = [.ready, .watchdog]
  /// Shown in STATUS only.
  public static let none: Gates = []
}

/// One check, as far as the rules know it: when to probe, and how to count what comes back.
/// How a probe is done is not known here.
public struct Check: Hashable, Sendable {
  /// Unique within the policy; shown in STATUS and in the log.
  public var name: String
  /// From the start of one probe to the start of the next while it passes. Above zero.
  public var interval: Duration
  /// How long one probe may take. Above zero, but for a passive check.
  public var timeout: Duration
  /// How many failures in a row make vouch act. At least 1.
  public var fall: Int
  /// How many passes in a row make it healthy. At least 1.
  public var rise: Int
  public var gates: Gates
  /// Whether its target is a socket that the child gets from vouch: then a request waits in the
  /// listen queue until the child serves, and a probe that timed out there is begun anew at once.
  public var waitsInListenQueue: Bool
  /// Who has to report, for a passive check: nothing is probed, and `timeout` is zero.
  public var reporter: Reporter?

  public init(
    name: String, interval: Duration, timeout: Duration, fall: Int = 3, rise: Int = 1,
    gates: Gates = .both, waitsInListenQueue: Bool = false, reporter: Reporter? = nil
  ) {
    self.name = name
    self.interval = interval
    self.timeout = timeout
    self.fall = fall
    self.rise = rise
    self.gates = gates
    self.waitsInListenQueue = waitsInListenQueue
    self.reporter = reporter
  }

  /// How long a pass counts as fresh: by then the next result must have come.
  public var freshness: Duration {
    hasSchedule ? interval + timeout : .seconds(Int64.max)
  }

  /// Whether something is due again and again: a probe, or a report.
  var hasSchedule: Bool { reporter?.isKeptAlive ?? true }

  /// The longest time between two of its passes that feed the watchdog, while it passes.
  ///
  /// Probes come when vouch wants them. A report may come a moment too early to feed, which is done
  /// at most once per quarter of the period, and the next one an interval later.
  func feedGap(watchdog: Duration) -> Duration {
    reporter == nil ? freshness : interval + watchdog / 4
  }
}

/// A check's place in `Policy.checks`.
public typealias CheckID = Int
