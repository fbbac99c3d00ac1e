/// One trial of every check, as `vouch check` makes it: each is asked once, or again and again until
/// all of them pass or the patience for that is over. A value without I/O or clock, as Supervision is.
///
/// All pass when READY=1 would say so (rule 1): each has passed `rise` times in a row, and its last
/// pass is still fresh (rule 3: younger than its interval + timeout). So a check that passed is left
/// in peace while others are waited for, and asked again only where its pass has grown old meanwhile:
/// an old instance that answered before it went away does not count for the new one.
///
/// Every check counts, whatever it gates, and `fall` has no say: the first failure is told.
public struct Trial: Sendable {
  public enum Verdict: String, Hashable, Sendable {
    case passed = "pass"
    case failed = "fail"
    /// vouch's own trouble (rule 7): the check says nothing.
    case unknown
  }

  /// What a check has come to.
  public struct Outcome: Hashable, Sendable {
    public var verdict: Verdict
    /// "200", "connect refused"; never any of an answer's body.
    public var reason: String
    /// From the start of the last probe to its end.
    public var took: Duration
    /// From the start of the trial to the end of the last probe.
    public var after: Duration
    /// How often it was asked.
    public var tries: Int

    public init(
      verdict: Verdict, reason: String, took: Duration, after: Duration, tries: Int
    ) {
      self.verdict = verdict
      self.reason = reason
      self.took = took
      self.after = after
      self.tries = tries
    }
  }

  public enum Step: Hashable, Sendable {
    case probe(CheckID, timeout: Duration)
    /// All is known: see `outcomes`.
    case end
  }

  private struct Record: Hashable, Sendable {
    var probing: Moment?
    /// When it is asked next; nil while it runs and when it need not be asked any more.
    var due: Moment?
    /// The end of the patience is nearer than the check's own timeout.
    var isCut = false
    var tries = 0
    /// In a row.
    var passes = 0
    var passedAt: Moment?
    var outcome: Outcome?
  }

  public let checks: [Check]
  /// How long failures are tried again; nil asks each check once.
  public let patience: Duration?
  private var records: [Record]
  private var beganAt = Moment(sinceOrigin: .zero)
  private var isOver = false

  public init(checks: [Check], patience: Duration?) {
    self.checks = checks
    self.patience = patience
    records = Array(repeating: Record(), count: checks.count)
  }

  /// To be called once, before anything else.
  public mutating func begin(at now: Moment) -> [Step] {
    beganAt = now
    for id in records.indices { records[id].due = now }
    return clock(at: now)
  }

  /// When `clock` is to be called, or nil while only probes are waited for.
  public var wakeAt: Moment? { isOver ? nil : records.compactMap(\.due).min() }

  /// One for each check, in their order, once it is over.
  public var outcomes: [Outcome] { records.compactMap(\.outcome) }

  public mutating func probeEnded(
    _ id: CheckID, _ verdict: ProbeVerdict, at now: Moment
  ) -> [Step] {
    guard !isOver, let began = records[id].probing else { return [] }
    records[id].probing = nil
    func outcome(_ verdict: Verdict, _ reason: String) -> Outcome {
      Outcome(
        verdict: verdict, reason: reason, took: now - began, after: now - beganAt,
        tries: records[id].tries)
    }
    switch verdict {
    case .stale(let detail, let late) where patience != nil:
      let cause = "vouch was kept from running for \(late.brief): \(detail)"
      records[id].outcome = outcome(.unknown, cause)
      askAgain(id, at: now)
    // Asked once, it has answered, whenever that was.
    case .passed(let detail), .stale(let detail, _):
      records[id].passes += 1
      records[id].passedAt = now
      records[id].outcome = outcome(.passed, detail)
      if !hasRisen(id) { askAgain(id, at: now) }
    case .failed(let reason):
      records[id].passes = 0
      records[id].outcome = outcome(.failed, reason)
      askAgain(id, at: now)
    case .timedOut(let reason):
      records[id].passes = 0
      if records[id].isCut, var earlier = records[id].outcome, earlier.verdict != .passed {
        // A probe that was left no time tells less than the one before it.
        (earlier.after, earlier.tries) = (now - beganAt, records[id].tries)
        records[id].outcome = earlier
      } else {
        records[id].outcome = outcome(.failed, reason)
      }
      askAgain(id, at: now)
    case .inconclusive(let reason):
      records[id].outcome = outcome(.unknown, reason)
      askAgain(id, at: now)
    }
    return clock(at: now)
  }

  /// Does what is due.
  public mutating func clock(at now: Moment) -> [Step] {
    guard !isOver else { return [] }
    refreshWhenAllPass(at: now)
    var steps: [Step] = []
    for id in records.indices {
      guard let due = records[id].due, due <= now else { continue }
      records[id].due = nil
      let left = ends.map { $0 - now } ?? checks[id].timeout
      if left <= .zero, records[id].tries > 0 {
        giveUp(id, at: now)
        continue
      }
      records[id].probing = now
      records[id].tries += 1
      records[id].isCut = left < checks[id].timeout
      let timeout = max(min(left, checks[id].timeout), .milliseconds(1))
      steps.append(.probe(id, timeout: timeout))
    }
    guard records.allSatisfy({ $0.probing == nil && $0.due == nil }) else { return steps }
    isOver = true
    return steps + [.end]
  }

  // MARK: - The rules

  private var ends: Moment? { patience.map { beganAt + $0 } }

  private func hasRisen(_ id: CheckID) -> Bool {
    records[id].passes >= (patience == nil ? 1 : checks[id].rise)
  }

  /// Passes are not told of while they are older than rule 3 allows: those are asked for anew.
  private mutating func refreshWhenAllPass(at now: Moment) {
    guard patience != nil else { return }
    let allPass = records.indices.allSatisfy {
      hasRisen($0) && records[$0].outcome?.verdict == .passed && records[$0].probing == nil
        && records[$0].due == nil
    }
    guard allPass else { return }
    for id in records.indices {
      guard let passedAt = records[id].passedAt else { continue }
      if now - passedAt > checks[id].freshness { records[id].due = now }
    }
  }

  private mutating func askAgain(_ id: CheckID, at now: Moment) {
    guard let ends else { return }
    let next = now + Supervision.startPause(now - beganAt)
    if next < ends { records[id].due = next } else { giveUp(id, at: now) }
  }

  /// There is no time left for it. A pass that is too old or came too seldom is none.
  private mutating func giveUp(_ id: CheckID, at now: Moment) {
    guard let outcome = records[id].outcome, outcome.verdict == .passed else { return }
    records[id].outcome?.verdict = .failed
    if hasRisen(id) {
      let age = records[id].passedAt.map { now - $0 } ?? .zero
      records[id].outcome?.reason = "\(outcome.reason) \(age.brief) ago, and no time to ask again"
    } else {
      let passes = records[id].passes
      records[id].outcome?.reason =
        "\(outcome.reason), \(passes) of \(checks[id].rise) times in a row"
    }
  }
}
