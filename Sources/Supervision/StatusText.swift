// Rule 9. STATUS is always current, valid UTF-8, one line, and within a datagram of 4096 bytes.

extension Supervision {
  /// The most that STATUS may hold: a datagram has 4096 bytes (sd_notify(3)), and the other
  /// assignments of one datagram take less than what is left.
  static let statusLimit = 3800

  /// STATUS as it is now.
  var statusText: String { Self.oneLine(withChildText(statusLine(withTimes: true))) }

  /// STATUS without the times: two that agree in it say the same.
  var statusKey: String { withChildText(statusLine(withTimes: false)) }

  private func withChildText(_ line: String) -> String {
    childText.map { line + "; " + $0 } ?? line
  }

  private func statusLine(withTimes: Bool) -> String {
    switch phase {
    case .launching: return ""
    case .ended: return lastWords ?? ""
    case .starting: return join("starting", withTimes: withTimes)
    case .reloading: return join("reloading", withTimes: withTimes)
    case .bereft:
      return reloadText(withTimes: withTimes) + "generation \(replacing.serving) does not serve"
    case .healing(let healing):
      switch healing.stage {
      case .stopping: return "restarting (\(restarts)): \(healing.cause)"
      case .waiting, .launching: return "restarting (\(restarts)), starting again: \(healing.cause)"
      case .judging: return join("restarted (\(restarts))", withTimes: withTimes)
      }
    case .stopping(let state):
      switch state.cause {
      case .signal(let signal): return "stopping on \(signal)" + findingAtStop
      case .child: return "stopping by itself"
      case .idle(let time): return "stopping: idle for \(time.brief)"
      case .startTimeout:
        return "stopping: not ready within \(policy.startTimeout?.brief ?? "the start timeout")"
          + (firstTrouble.map { ": " + $0 } ?? "")
      }
    case .ready:
      // A check that gates nothing does not make the service a failing one.
      let failing = policy.checks.indices.contains {
        !isGood($0) && policy.checks[$0].gates != .none
      }
      return reloadText(withTimes: withTimes) + join(failing ? nil : "ready", withTimes: withTimes)
        + restartsSoFar + otherText
    }
  }

  /// The state, then every check, those that fail first.
  func join(_ state: String?, withTimes: Bool) -> String {
    let order =
      policy.checks.indices.filter { !isGood($0) && policy.checks[$0].gates != .none }
      + policy.checks.indices.filter { !isGood($0) && policy.checks[$0].gates == .none }
      + policy.checks.indices.filter { isGood($0) }
    var parts = order.map { result($0, withTimes: withTimes) }
    if !parts.isEmpty { parts[0] += findingSuffix }
    return ((state.map { [$0] } ?? []) + parts).joined(separator: "; ")
  }

  private var restartsSoFar: String {
    switch restarts {
    case 0: ""
    case 1: "; restarted once"
    default: "; restarted \(restarts) times"
    }
  }

  private func isGood(_ id: CheckID) -> Bool { records[id].isPassing && records[id].trouble == nil }

  /// One check in STATUS: "http /healthz: 200 in 1.2 ms", "failing 2/3: http /healthz: connect
  /// refused".
  private func result(_ id: CheckID, withTimes: Bool) -> String {
    let record = records[id]
    let check = policy.checks[id]
    if let trouble = record.trouble { return "\(check.name): cannot be checked: \(trouble)" }
    switch record.last {
    case .none: return plainResult(id)
    case .passed(let detail, _, _):
      return withTimes ? plainResult(id) : "\(check.name): \(detail)"
    case .failed(let reason):
      let plain = "\(check.name): \(reason)"
      guard phase == .ready || record.failures > 0 else { return plain }
      return record.failures == 0
        ? "failing: \(plain)" : "failing \(record.failures)/\(check.fall): \(plain)"
    }
  }

  /// One check in the log.
  func plainResult(_ id: CheckID) -> String {
    let name = policy.checks[id].name
    let isReported = policy.checks[id].reporter != nil
    switch records[id].last {
    case .none: return "\(name): waiting for \(isReported ? "a report" : "an answer")"
    case .passed(let detail, let took, _):
      return "\(name): \(detail)" + (isReported ? "" : " in \(took.brief)")
    case .failed(let reason): return "\(name): \(reason)"
    }
  }

  /// What a check that gates READY=1 last had to complain of.
  var firstTrouble: String? {
    let id = policy.checks.indices.first {
      policy.checks[$0].gates.contains(.ready) && !isGood($0)
    }
    return id.map {
      (records[$0].trouble.map { "cannot be checked: \($0)" } ?? plainResult($0)) + findingSuffix
    }
  }

  /// One line of at most `statusLimit` bytes, cut between characters.
  public static func oneLine(_ text: String) -> String {
    // Nearly always it is fit as it is.
    if text.utf8.count <= statusLimit, text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) {
      return text
    }
    var line = String(
      String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    guard line.utf8.count > statusLimit else { return line }
    while line.utf8.count > statusLimit - 3 {
      line.removeLast(max(1, (line.utf8.count - statusLimit + 3) / 4))
    }
    return line + "…"
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      || scalar.value == 0x2028 || scalar.value == 0x2029
  }
}
