import CLaunch

/// The signal mask and the ignored signals that a program was started with.
///
/// execve(2) keeps both, so a program between systemd and the child must hand on what it got:
/// libraries change them (swift-nio ignores SIGPIPE for the whole process), and so does
/// ``block()``.
public struct SignalState: Hashable, Sendable {
  /// The blocked signals: bit N − 1 stands for signal N.
  public var blocked: UInt64
  /// The ignored signals, in the same form. All others are default.
  public var ignored: UInt64

  /// Nothing blocked and nothing ignored, unless said.
  public init(blocked: UInt64 = 0, ignored: UInt64 = 0) {
    self.blocked = blocked
    self.ignored = ignored
  }

  /// Reads the state of this process. To be called first thing in main.
  public static func capture() -> SignalState {
    var state = claunch_signal_state()
    claunch_signals_capture(&state)
    return SignalState(blocked: state.mask, ignored: state.ignored)
  }

  /// Blocks every signal that can wait, so that each arrives at a ``SignalInbox`` instead of
  /// interrupting the program, and sets SIGCHLD to its default, so that children can be reaped.
  /// To be called after ``capture()`` and before the first thread is started.
  ///
  /// - Returns: the blocked signals, which is what the inbox listens to.
  public static func block() -> UInt64 {
    claunch_signals_block()
  }

  var raw: claunch_signal_state { claunch_signal_state(mask: blocked, ignored: ignored) }
}
