import Checks
import Launch
import Supervision
import Systemd

/// Everything that is settled before `vouch check` asks: its command line and the environment, read,
/// judged and found possible.
struct TrialPlan {
  /// In the order of `trial.checks`.
  let specs: [CheckSpec]
  let trial: Trial
  let sockets: PassedSockets
  let environment: ChildEnvironment

  /// - Throws: the first thing that is wrong, with its exit status.
  init(
    _ options: TrialOptions, _ received: Result<PassedSockets, SystemdError>
  ) throws(Refusal) {
    environment = .current
    do {
      sockets = try received.get()
    } catch {
      throw .usage(error.description)
    }
    specs = try CheckPlan.specs(options.checks)
    guard !specs.isEmpty else {
      throw .usage("nothing to check: give --http, --tcp, --grpc, --backlog or --exec")
    }
    if options.isJSON, options.isQuiet {
      throw .usage("--json and --quiet contradict each other: leave one of them out")
    }
    try Self.requireNoChild(specs)
    try Self.requireSockets(specs, sockets)
    // The watchdog is that of the program to check, not ours.
    let checks = try CheckPlan.checks(specs, options.checks, watchdog: nil)
    if let problem = Policy(checks: checks).problem { throw .usage(problem.description) }
    try CheckPlan.requireCommands(of: specs, searchPath: environment["PATH"])
    trial = Trial(checks: checks, patience: try span("--wait", options.wait))
  }

  /// `vouch check` runs no program, so nothing could report to it. `peer=child`, which is the default,
  /// has no meaning here either, and is let be: a SPEC is tried as it will stand in a unit.
  private static func requireNoChild(_ specs: [CheckSpec]) throws(Refusal) {
    for spec in specs where spec.kind.rawValue == "heartbeat" {
      throw .usage(
        "--heartbeat '\(spec.text)': vouch check runs no program that could report to it: leave it "
          + "out, or run the program with vouch run")
    }
  }

  /// A path alone, or @NAME, means a socket that was passed to this very process.
  private static func requireSockets(
    _ specs: [CheckSpec], _ sockets: PassedSockets
  ) throws(Refusal) {
    guard sockets.listeners.isEmpty else { return }
    for spec in specs where spec.probesPassedSocket {
      throw .usage(
        "--\(spec.kind.rawValue) '\(spec.text)': no listening socket was passed to vouch check "
          + "(systemd passes sockets to ExecStart= alone): name the port or path, as in "
          + "\(spec.kind == .http ? "':8080/path' or 'http://unix:/SOCKET:/path'" : "':8080' or 'unix:/SOCKET'")"
      )
    }
  }
}
