/// `NAME=TEMPLATE` of `--pass env:`: an environment variable whose value has placeholders.
public struct VariableTemplate: Hashable, Sendable {
  public let name: String
  let value: Template

  /// What tells a program of systemd's sockets and notifications: vouch's own to set or to remove.
  private static let reserved: Set<String> = [
    "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID", "NOTIFY_SOCKET",
    "WATCHDOG_USEC", "WATCHDOG_PID",
  ]

  init(_ text: String) throws(HandoverError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw HandoverError(
        "--pass env:\(text): a variable and its value are wanted, such as env:UNICORN_FD={fds}")
    }
    name = String(parts[0])
    value = Template(Array(parts[1].utf8))
    if Self.reserved.contains(name) {
      let hint = name.hasPrefix("LISTEN_") ? "; --pass systemd is what sets LISTEN_*" : ""
      throw HandoverError("--pass env:\(text): \(name) is vouch's own to set\(hint)")
    }
    if !Template(Array(name.utf8)).isPlain {
      throw HandoverError("--pass env:\(text): a placeholder may stand behind the = alone")
    }
  }
}
