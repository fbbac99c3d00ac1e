import Checks
import Launch
import Logging
import Supervision

// The same things in the words of two rooms that do not know each other.

extension ProbeVerdict {
  init(_ outcome: ProbeResult) {
    switch outcome {
    case .passed(let detail): self = .passed(detail)
    case .failed(let reason): self = .failed(reason)
    case .timedOut(let reason): self = .timedOut(reason)
    case .stale(let detail, let late): self = .stale(detail, late: Duration(late))
    case .inconclusive(let reason): self = .inconclusive(reason)
    }
  }
}

extension ChildEnd {
  init(_ status: ExitStatus) {
    switch status {
    case .exited(let code): self = .exited(code)
    case .signaled(let signal, coreDumped: _): self = .signaled(NamedSignal(signal))
    }
  }
}

extension Logger.Level {
  init(_ level: LogLevel) {
    switch level {
    case .error: self = .error
    case .warning: self = .warning
    case .notice: self = .notice
    case .info: self = .info
    case .debug: self = .debug
    }
  }
}
