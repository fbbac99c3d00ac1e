import CLaunch

/// How a process ended (wait(2)).
public enum ExitStatus: Hashable, Sendable {
  /// It exited by itself, with a code of 0...255.
  case exited(Int32)
  /// A signal killed it.
  case signaled(Signal, coreDumped: Bool)

  /// Reads the status word of waitpid(2), which was asked for ended processes only.
  init(waitStatus: CInt) {
    if claunch_exited(waitStatus) {
      self = .exited(claunch_exit_code(waitStatus))
      return
    }
    guard let signal = Signal(rawValue: claunch_ending_signal(waitStatus)) else {
      preconditionFailure("wait status \(waitStatus) tells neither an exit nor a signal")
    }
    self = .signaled(signal, coreDumped: claunch_dumped_core(waitStatus))
  }
}

extension ExitStatus: CustomStringConvertible {
  /// Words that continue a sentence: "exited with status 3", "was killed by SIGSEGV (core dumped)".
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(let signal, coreDumped: false): "was killed by \(signal)"
    case .signaled(let signal, coreDumped: true): "was killed by \(signal) (core dumped)"
    }
  }
}
