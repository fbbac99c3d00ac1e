/// Who has to report for a passive check: nothing is asked, lateness is the failure.
public enum Reporter: Hashable, Sendable {
  /// `--heartbeat NAME`: WATCHDOG=1 with VOUCH_COMPONENT=NAME.
  case component(String)
  /// `--heartbeat notify`: the program's own READY=1, and then its WATCHDOG=1.
  ///
  /// `keptAlive` is false with gates=ready: READY=1 is all that is asked then.
  case program(keptAlive: Bool)

  /// Whether a report is due within each interval.
  var isKeptAlive: Bool {
    switch self {
    case .component: true
    case .program(let keptAlive): keptAlive
    }
  }

  var isProgram: Bool { if case .program = self { true } else { false } }
}

/// What the program last said of its own state.
enum ProgramState: Hashable, Sendable {
  case starting, ready, reloading
}
