// Who waits for a reload: systemd, which is kept from giving it up, and those who asked (`vouch reload`).

extension Supervision {
  // MARK: - systemd's patience

  /// EXTEND_TIMEOUT_USEC in whatever systemd is told while it waits for a reload: TimeoutStartSec= counts
  /// for that too, and would tell of a failure while the reload goes on. It pushes the watchdog as well
  /// (service_extend_timeout in systemd's src/core/service.c), so no more is asked for than the watchdog
  /// has left. What a reload may take is bounded by its own budgets.
  func reloadExtension(at now: Moment) -> Duration? {
    guard isReloadAwaited else { return nil }
    guard let watchdog = policy.watchdog else { return Self.extensionLength }
    guard let fedAt, fedAt + watchdog > now else { return nil }
    return fedAt + watchdog - now
  }

  /// When systemd is asked again; nil where the watchdog's feeding does it.
  var reloadExtensionDue: Moment? {
    guard isReloadAwaited, policy.watchdog == nil else { return nil }
    return statusSent.map { $0.at + Self.extensionEvery }
  }

  /// Not while the child is restarted, which may go on without an end.
  private var isReloadAwaited: Bool {
    guard replacing.isTold else { return false }
    switch phase {
    case .ready, .bereft: return true
    case .launching, .starting, .reloading, .healing, .stopping, .ended: return false
    }
  }

  // MARK: - Those who wait

  mutating func answer(_ tickets: [ReloadTicket], _ verdict: ReloadVerdict) {
    if !tickets.isEmpty { effects.append(.answer(tickets, verdict)) }
  }

  /// Somebody asks for a reload and waits for what comes of it, whatever `--on-reload` is.
  mutating func reloadAsked(_ ticket: ReloadTicket, at now: Moment) {
    if policy.onReload == .replace {
      return replaceOnReload("request", ticket: ticket, at: now)
    }
    switch phase {
    case .ready, .reloading, .healing:
      replacing.waiting.append(ticket)
      replacing.answerAt = now + policy.reloadBudget
      reload(NamedSignal(number: 1, name: "SIGHUP"), .vouchAlone, at: now)
    case .launching, .starting, .bereft:
      answer([ticket], .failed("the service is still starting"))
    case .stopping, .ended: answer([ticket], .stopping)
    }
  }

  /// A forwarded reload is over.
  mutating func answerForwarded() {
    guard policy.onReload == .forward else { return }
    answer(replacing.waiting, .done)
    (replacing.waiting, replacing.answerAt) = ([], nil)
  }

  mutating func answerLateReload(at now: Moment) {
    guard let due = replacing.answerAt, due <= now else { return }
    let trouble = firstTrouble.map { ": " + $0 } ?? ""
    answer(
      replacing.waiting, .failed("not healthy within \(policy.reloadBudget.brief)\(trouble)"))
    (replacing.waiting, replacing.answerAt) = ([], nil)
  }
}
