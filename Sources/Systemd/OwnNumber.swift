import Glibc

/// Whom the process numbers in systemd's variables mean.
enum OwnNumber {
  /// Lets LISTEN_PID or WATCHDOG_PID name this process where they mean it by another number.
  ///
  /// With PrivatePIDs= (systemd.exec(5), systemd 257) a service's first process is number 1 of a
  /// namespace of its own, and these variables have a number from outside, which nobody has there:
  /// sd_listen_fds(3) would find no sockets, and sd_watchdog_enabled(3) no watchdog, which fires all the
  /// same. That number stands in SYSTEMD_EXEC_PID too, which systemd sets for whomever it starts.
  static func claim(_ variable: String) {
    guard getpid() == 1, let number = getenv(variable), let started = getenv("SYSTEMD_EXEC_PID"),
      strcmp(number, started) == 0
    else { return }
    setenv(variable, "1", 1)
  }
}
