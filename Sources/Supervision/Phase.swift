/// Where a service is between its start and its end.
enum Phase: Hashable, Sendable {
  /// The child does not run yet.
  case launching
  /// The child runs, READY=1 is not sent (rules 1 and 2).
  case starting(since: Moment)
  /// READY=1 is sent (rules 3 and 4).
  case ready
  /// A reload was asked for and READY=1 is not sent again yet.
  case reloading(since: Moment)
  /// The child failed and is being restarted.
  case healing(Healing)
  /// The child has ended, or stops by itself (nil), and the one that is being judged (`--on-reload
  /// replace`) may take its place.
  case bereft(ChildEnd?)
  /// A stop was asked for; whether the child has its signal yet is `StopState`'s to say (rule 5).
  case stopping(StopState)
  /// The child has ended, and so has vouch.
  case ended

  /// When a child is being judged before it counts as healthy: since when.
  var judgingSince: Moment? {
    switch self {
    case .starting(let since), .reloading(let since): since
    case .healing(let healing):
      if case .judging(let since) = healing.stage { since } else { nil }
    case .launching, .ready, .bereft, .stopping, .ended: nil
    }
  }

  /// Whether checks are probed.
  var probes: Bool {
    switch self {
    case .starting, .ready, .reloading: true
    case .healing(let healing): if case .judging = healing.stage { true } else { false }
    case .launching, .bereft, .stopping, .ended: false
    }
  }
}

/// How far a stop has come.
struct StopState: Hashable, Sendable {
  enum Cause: Hashable, Sendable {
    case signal(NamedSignal)
    case startTimeout
    /// Nobody used it for so long (`--exit-idle`).
    case idle(Duration)
    /// The child's own STOPPING=1.
    case child
  }
  var cause: Cause
  /// What the child had been sent already when the stop was asked for, to be restarted.
  var hadBefore: NamedSignal?
  /// The stop signals that the child has had, from vouch or from systemd itself.
  var delivered: Set<NamedSignal> = []
  /// The signals that wait for `reachKnown`.
  var asking: [NamedSignal] = []
  /// When SIGKILL is due (`--stop-timeout`).
  var killAt: Moment?
  /// The child has ended, which makes this the end of vouch once no other generation runs.
  var gone: Exit?
}
