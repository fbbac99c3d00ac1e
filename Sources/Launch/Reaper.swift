import CLaunch
import Glibc
import SystemPackage

/// Collects what ended children leave behind: the launched program, and every orphan that its
/// family left.
public enum Reaper {
  /// Makes this process the parent of its descendants' orphans (PR_SET_CHILD_SUBREAPER, prctl(2)).
  /// It lasts for the life of the process and is not inherited.
  ///
  /// - Throws: the errno of prctl(2); kernels before 3.4 know no subreaper.
  public static func becomeSubreaper() throws(Errno) {
    let error = claunch_become_subreaper()
    guard error == 0 else { throw Errno(rawValue: error) }
  }

  /// Reaps every child that has ended, and returns at once. To be called for each SIGCHLD: several
  /// children may share one.
  public static func reapAll() -> [(process: ProcessID, status: ExitStatus)] {
    var reaped: [(process: ProcessID, status: ExitStatus)] = []
    while true {
      var status: CInt = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid > 0 {
        reaped.append((ProcessID(rawValue: pid), ExitStatus(waitStatus: status)))
      } else if pid == 0 || errno != EINTR {
        // Nobody has ended, or (ECHILD) nobody is left.
        return reaped
      }
    }
  }
}
