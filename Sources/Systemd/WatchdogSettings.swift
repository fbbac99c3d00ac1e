import CSystemd
import Glibc

/// What WATCHDOG_USEC and WATCHDOG_PID say (sd_watchdog_enabled(3)).
public enum WatchdogSettings {
  /// The period within which systemd wants a keep-alive; nil where it wants none of us.
  ///
  /// WATCHDOG_PID unset means that whoever reads it is meant; another's pid means that we are not.
  ///
  /// - Throws: `SystemdError` where one of the two is no number, or the period is 0.
  public static func period() throws(SystemdError) -> Duration? {
    // No process has pid 0: it is another's, not a malformed one (sd_watchdog_enabled says ERANGE).
    if let pid = getenv("WATCHDOG_PID"), strcmp(pid, "0") == 0 { return nil }
    OwnNumber.claim("WATCHDOG_PID")
    let seen = SystemdError.environment("WATCHDOG_USEC", "WATCHDOG_PID")
    var microseconds: UInt64 = 0
    let result = sd_watchdog_enabled(0, &microseconds)
    guard result >= 0 else {
      throw SystemdError("the watchdog's settings (\(seen))", result)
    }
    // More than an Int64 of microseconds is "infinity" in systemd's terms.
    guard result > 0, let period = Int64(exactly: microseconds) else { return nil }
    return .microseconds(period)
  }
}
