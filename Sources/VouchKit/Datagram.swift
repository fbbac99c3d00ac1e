import Supervision
import Systemd

extension Notification {
  /// The datagram that says it, one assignment a line (sd_notify(3)).
  ///
  /// STATUS stands before WATCHDOG, as systemd reads them, so that the journal's line about a
  /// triggered watchdog holds the reason.
  var datagram: String {
    var lines: [String] = []
    if ready { lines.append("READY=1") }
    if let reloading {
      lines.append("RELOADING=1")
      lines.append("MONOTONIC_USEC=\(reloading.sinceOrigin.microseconds)")
    }
    if stopping { lines.append("STOPPING=1") }
    if let status { lines.append("STATUS=\(status)") }
    if let extendTimeout { lines.append("EXTEND_TIMEOUT_USEC=\(extendTimeout.microseconds)") }
    switch watchdog {
    case .feed: lines.append("WATCHDOG=1")
    case .trigger: lines.append("WATCHDOG=trigger")
    case nil: break
    }
    return lines.joined(separator: "\n")
  }
}

extension Duration {
  /// Whole microseconds, rounded down.
  var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
