/// The rules of vouch (DESIGN.md, section 2) as a value: what has happened goes in, what is to be
/// done comes out. No I/O, no clock, no concurrency.
///
/// Feed every event to `handle(_:at:)` in the order in which it happened, carry out the effects in
/// the order given, and send `Event.clock` when `wakeAt` has come.
///
/// The rules are told one to a file: Readiness (1), Starting (2), Watchdog (3), Failing (4),
/// Healing (4's restart), Replacing (1's other reload), Ending (5), Idling (`--exit-idle`); rule 6 is the prober's; Probing has the schedule and, with
/// Starving, rule 7; StatusText rule 9. Heartbeats are the passive checks, Relaying what the child says.
public struct Supervision: Sendable {
  public let policy: Policy

  var phase = Phase.launching
  var records: [CheckRecord]
  var effects: [Effect] = []

  /// When the child began to run.
  var startedAt: Moment?
  /// When the first child began to run.
  var upSince: Moment?
  var leastLife: Duration
  /// When the watchdog was last fed, or armed by READY=1.
  var fedAt: Moment?
  /// When systemd is next asked for more time (rule 2).
  var extendAt: Moment?
  /// How often the child was restarted.
  var restarts = 0
  var backOff: BackOff
  /// What the child has told of itself.
  var reports = ChildReports()
  /// What a look at the child's sockets has found, what the log has of it, and how many looks there were.
  var finding: Finding?
  var findingLogged: String?
  var looks = 0
  /// STATUS once the child has ended, where it says more than the journal's line.
  var lastWords: String?
  /// Since when the child is healthy after its last restart.
  var healthySince: Moment?
  /// What goes on beside the child that serves.
  var replacing = Replacing()
  /// Whether a READY=1 that systemd has not taken ends a reload, and so is true whatever the checks say.
  var isReadyOwedForReload = false
  /// How long nobody has used the child; nil while that does not count.
  var idling: Idling?
  /// What systemd has not taken yet, and when to offer it again.
  var owed: Owed?
  /// How often what was last sent had been offered before.
  var offersInVain = 0
  /// When systemd last did not take a datagram.
  var undeliveredAt: Moment?
  /// The STATUS that systemd has, the same without its times, and since when.
  var statusSent: (key: String, text: String, at: Moment)?

  public init(_ policy: Policy) {
    self.policy = policy
    leastLife = policy.leastLife
    backOff = BackOff(seed: policy.seed)
    records = policy.checks.map { _ in CheckRecord(due: Moment(sinceOrigin: .zero)) }
  }

  /// Takes one event, and says what is to be done.
  ///
  /// - Parameter now: the time of the event; never earlier than that of the event before.
  public mutating func handle(_ event: Event, at now: Moment) -> [Effect] {
    effects = []
    if phase == .ended { return [] }
    switch event {
    case .childStarted: begin(at: now)
    case .probeEnded(let id, let outcome): probeEnded(id, outcome, at: now)
    case .probeDelayed(let id, let lost): probeDelayed(id, lost, at: now)
    case .listening: probeSoon(at: now)
    case .reported(let message): reported(message, at: now)
    case .arrived: arrived(at: now)
    case .useSeen(let use): useSeen(use, at: now)
    case .leastLife(let time): live(atLeast: time, at: now)
    case .clock: break
    case .stop(let signal, let reach): stop(signal, reach, at: now)
    case .reachKnown(let reach): reachKnown(reach, at: now)
    case .reload(let signal, let reach): reload(signal, reach, at: now)
    case .signal(let signal, let reach): passOn(signal, reach)
    case .undelivered(let notification, let reason): owe(notification, reason, at: now)
    case .childNotStarted(let reason, let code): launchFailed(reason, exitCode: code, at: now)
    case .childEnded(let end): childEnded(end, at: now)
    case .looked(let finding): looked(finding, at: now)
    case .other(let event): otherDid(event, at: now)
    case .reloadAsked(let ticket): reloadAsked(ticket, at: now)
    }
    whatIsDue(at: now)
    defer { effects = [] }
    return effects
  }

  /// When `Event.clock` is to come; nil while nothing waits for the time.
  public var wakeAt: Moment? {
    if phase == .ended { return nil }
    var moments = [
      owed?.offerAt, extendAt, livenessFeedAt, reports.tellAt, lookDue, replacingDue,
      idling?.lookAt,
    ]
    switch phase {
    case .starting: moments.append(startBudgetEnds)
    case .stopping(let state): moments.append(state.killAt)
    case .healing: moments.append(healingDue)
    case .launching, .ready, .reloading, .bereft, .ended: break
    }
    if phase.probes {
      for (check, record) in zip(policy.checks, records)
      where record.probing == nil && check.hasSchedule {
        moments.append(record.due)
      }
    }
    return moments.compactMap { $0 }.min()
  }

  /// Everything that the time alone brings about.
  private mutating func whatIsDue(at now: Moment) {
    stopOnStartTimeout(at: now)
    killWhenOverdue(at: now)
    healOnTime(at: now)
    replaceOnTime(at: now)
    extendStart(at: now)
    feedForLife(at: now)
    noticeLateReports(at: now)
    startProbes(at: now)
    lookWhenDue(at: now)
    tellWhatChildSaid(at: now)
    offerAgain(at: now)
    beginWantedReload(at: now)
    idle(at: now)
  }
}
