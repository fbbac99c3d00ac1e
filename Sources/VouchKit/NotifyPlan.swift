import Launch
import Supervision

extension Plan {
  /// Opens the notify socket that the child gets where a check waits for its reports, and tells the
  /// child of it; nil where none does.
  ///
  /// With `--heartbeat notify` the child finds in WATCHDOG_USEC how often it is to say WATCHDOG=1
  /// (sd_watchdog_enabled(3)). WATCHDOG_PID stays unset, which means whoever reads it.
  mutating func openNotifySocket() throws(Refusal) -> NotifyInbox? {
    guard policy.hearsChild else { return nil }
    let inbox: NotifyInbox
    do {
      inbox = try NotifyInbox(size: NotifyMessage.sizeLimit)
    } catch {
      throw .failure("no notify socket for the child: \(error)")
    }
    childVariables.append(("NOTIFY_SOCKET", inbox.name))
    if let interval = policy.programKeepAlive {
      childVariables.append(("WATCHDOG_USEC", String(interval.microseconds)))
    }
    return inbox
  }
}
