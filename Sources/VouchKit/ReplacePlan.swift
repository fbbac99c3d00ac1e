import Checks
import Handover
import Supervision

extension Plan {
  /// `--on-reload replace` needs a listening socket that both generations take connections from, and
  /// checks that can tell the two apart.
  func requireReplaceable() throws(Refusal) {
    guard policy.onReload == .replace else {
      if policy.drain != nil {
        throw .usage("--drain: only --on-reload replace has an old generation to wait for")
      }
      return
    }
    let flag = "--on-reload replace"
    if sockets.all.isEmpty {
      throw .usage(
        "\(flag): two generations at a time need one listening socket, and there is none: pass it with "
          + "a .socket unit or --listen, and with --pass adopt where the program binds its port itself"
      )
    }
    if pass == .none {
      throw .usage(
        "\(flag): --pass none gives the program no listening socket that two generations could share: "
          + "use --pass adopt where it binds its port itself")
    }
    for (check, spec) in zip(policy.checks, specs)
    where spec.peer == .any && check.gates.contains(.ready) {
      throw .usage(
        "\(flag): peer=any of \(check.name) would take the old generation's answers for the new one's: "
          + "leave it out, or give gates=watchdog")
    }
  }

  /// What may make a replacement cost requests, though nothing is wrong.
  var replaceNotices: [String] {
    guard policy.onReload == .replace else { return [] }
    var notices: [String] = []
    if !policy.checks.contains(where: { $0.gates.contains(.ready) }) {
      notices.append(
        "--on-reload replace: no check gates READY=1, so that a new generation takes over as soon as it runs"
      )
    }
    let words = command.map { String(decoding: $0, as: UTF8.self) }
    if policy.stopSignal == nil, let signal = KnownProgram(words: words)?.gracefulStop {
      notices.append(
        "--on-reload replace: \(words[0]) cuts off the requests in hand at SIGTERM: with --stop-signal "
          + "\(signal) a replaced generation finishes them")
    }
    return notices
  }
}
