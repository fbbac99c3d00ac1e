/// What is known of one check: its last result and the run of equal results up to it (rule 4).
struct CheckRecord: Hashable, Sendable {
  enum Last: Hashable, Sendable {
    case none
    case passed(String, took: Duration, at: Moment)
    case failed(String)
  }

  /// The last result that counted; the prober's own troubles do not (rule 7).
  private(set) var last = Last.none
  /// Passes in a row up to `last`.
  private(set) var passes = 0
  /// Failures in a row up to `last`, those before the first success left out (rule 2).
  private(set) var failures = 0
  private(set) var hasEverPassed = false
  /// Set once the run of failures was acted on, until the check has recovered: an action fires
  /// once for each crossing of the threshold.
  var acted = false
  /// Whether the log last said that it fails, so that only changes are logged (rule 9).
  var loggedFailing = false
  /// The prober's own trouble, while it lasts; logged once.
  var trouble: String?
  /// How much time its probes have lost since the last pass.
  var lost = Duration.zero
  /// How much of that the probe in flight has lost.
  var lostInFlight = Duration.zero

  /// When the probe in flight began; nil when none is.
  var probing: Moment?
  /// When the next probe is due, or the next report at the latest; meaningful while no probe is in
  /// flight.
  var due: Moment
  /// Since when a report is awaited; nil before that, and for a check that probes.
  var awaited: Moment?

  init(due: Moment) { self.due = due }

  var isPassing: Bool { passes > 0 }

  /// Whether the last result was a pass with this detail, and nothing has come between.
  func says(_ detail: String) -> Bool {
    guard isPassing, trouble == nil, case .passed(detail, _, _) = last else { return false }
    return true
  }

  /// - Parameter times: how many passes it stands for.
  mutating func pass(_ detail: String, took: Duration, times: Int = 1, at now: Moment) {
    last = .passed(detail, took: took, at: now)
    passes += times
    failures = 0
    hasEverPassed = true
    trouble = nil
    lost = .zero
  }

  /// - Parameters:
  ///   - counted: whether the failure counts towards `fall`.
  ///   - times: how many failures it stands for.
  mutating func fail(_ reason: String, counted: Bool, times: Int = 1) {
    last = .failed(reason)
    passes = 0
    failures = counted ? failures + times : 0
    trouble = nil
  }

  /// A reload asks anew: what passed before it proves nothing.
  mutating func beginAnew(at now: Moment) {
    passes = 0
    failures = 0
    acted = false
    probing = nil
    awaited = nil
    due = now
  }

  /// Whether the last result is a pass and younger than the check's interval + timeout (rule 3).
  func isFreshPass(_ check: Check, at now: Moment) -> Bool {
    guard case .passed(_, _, let at) = last else { return false }
    return isPassing && now - at < check.freshness
  }
}
