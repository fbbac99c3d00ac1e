import CLaunch
import Glibc

/// Ends this process as its child ended, so that whoever waits for it (systemd's Restart=,
/// SuccessExitStatus=, `systemctl status`, a shell) sees what the child did.
///
/// An exit code is handed on. A signal kills this process too, without a core dump of its own,
/// which would hide the child's. Where the signal does not kill (the first process of a pid
/// namespace is safe from its own), the exit code is 128 + signal, as a shell would tell it.
///
/// Only system calls are made: nothing is flushed and no exit handler runs.
public func endLike(_ status: ExitStatus) -> Never {
  switch status {
  case .exited(let code): _exit(code)
  case .signaled(let signal, coreDumped: _): claunch_end_by_signal(signal.rawValue)
  }
}
