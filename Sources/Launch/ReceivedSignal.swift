import CLaunch
import Glibc

/// A signal that was taken from a ``SignalInbox``, and what the kernel says about its sender.
public struct ReceivedSignal: Hashable, Sendable {
  /// How the signal came to be sent (si_code of sigaction(2)).
  public enum Origin: Hashable, Sendable {
    /// A process sent it: kill(2), sigqueue(3), tgkill(2).
    case process
    /// The kernel sent it, as it does for Ctrl-C on a terminal, to the whole foreground group.
    case kernel
    /// Another si_code: of SIGCHLD, how the child changed; of other signals, timers and the like.
    case other(Int32)
  }

  public var signal: Signal
  public var origin: Origin
  /// The process that sent the signal, or the child that a SIGCHLD is about. Nil where the kernel
  /// names none, and for a sender outside this pid namespace.
  public var sender: ProcessID?
  /// The sender's real user id.
  public var uid: UInt32

  public init(signal: Signal, origin: Origin, sender: ProcessID?, uid: UInt32) {
    self.signal = signal
    self.origin = origin
    self.sender = sender
    self.uid = uid
  }
}

extension ReceivedSignal {
  init?(_ record: signalfd_siginfo) {
    guard let signal = Signal(rawValue: CInt(truncatingIfNeeded: record.ssi_signo)) else {
      return nil
    }
    self.signal = signal
    switch record.ssi_code {
    case CLAUNCH_SI_USER, CLAUNCH_SI_QUEUE, CLAUNCH_SI_TKILL: origin = .process
    case CLAUNCH_SI_KERNEL: origin = .kernel
    case let code: origin = .other(code)
    }
    sender = record.ssi_pid == 0 ? nil : ProcessID(rawValue: pid_t(bitPattern: record.ssi_pid))
    uid = record.ssi_uid
  }

  /// Whether this is the SIGPIPE that a write of this process has raised. It stays pending while
  /// it is blocked, ignored or not; the write has told the same by EPIPE.
  var isOwnBrokenPipe: Bool {
    signal == .brokenPipe && sender?.rawValue == getpid()
  }
}
