import Adopt
import Checks
import Glibc
import Handover
import Launch
import Supervision
import Systemd

/// Everything that is settled before the child starts: the command line and the environment, read,
/// judged and found possible.
struct Plan {
  var policy: Policy
  /// In the order of `policy.checks`.
  var specs: [CheckSpec]
  /// Those that systemd passed, then those of `--listen`.
  var sockets: PassedSockets
  var listening: Listening
  /// `--pass`, and what the child gets by it.
  var pass: PassProtocol
  var handover: Handover
  /// With `--pass adopt`.
  var adoptOptions: AdoptOptions?
  var notifySocket: String?
  /// The command with its arguments, as they were written.
  var command: [[UInt8]]
  /// vouch's own.
  var environment: ChildEnvironment
  var environmentFiles: EnvironmentFiles
  /// What the child finds in its environment beside.
  var childVariables: [(key: String, value: String)] = []
  /// The command of `--on-unhealthy exec=`.
  var unhealthyCommand: [String]?
  /// What the administrator should know, though nothing is wrong.
  var notices: [String]

  /// - Throws: the first thing that is wrong, with its exit status.
  init(_ options: RunOptions, _ received: Result<PassedSockets, SystemdError>) throws(Refusal) {
    guard let program = options.command.first else {
      throw .usage("no command: put -- and the command behind the options")
    }
    environment = .current
    do {
      sockets = try received.get()
    } catch {
      throw .usage(error.description)
    }
    listening = try Listening(options.listen)
    policy = try Policy(options)
    (policy.onUnhealthy, unhealthyCommand) = try OnUnhealthy.parse(
      options.onUnhealthy, searchPath: environment["PATH"])
    specs = try CheckPlan.specs(options.checks)
    if specs.isEmpty, !options.noCheck {
      throw .usage(
        "nothing to check: give --http, --tcp, --grpc, --exec or --heartbeat, so that READY=1 and "
          + "WATCHDOG=1 mean "
          + "something, or --no-check to vouch for no more than that the child runs")
    }
    if !specs.isEmpty, options.noCheck {
      throw .usage("--no-check and a check contradict each other: leave one of them out")
    }
    policy.checks = try CheckPlan.checks(specs, options.checks, watchdog: policy.watchdog)
    if policy.onUnhealthy != .withhold, policy.isWatchdogUngated {
      throw .usage(
        "--on-unhealthy \(options.onUnhealthy): it acts on checks that gate the watchdog, and there is "
          + "none")
    }
    if let problem = policy.problem { throw .usage(problem.description) }
    try CheckPlan.requireCommands(of: specs, searchPath: environment["PATH"])

    command = options.command
    environmentFiles = try EnvironmentFiles(options.environmentFiles)
    // Before a socket is opened. The start itself looks anew.
    let path = try environmentFiles.read().variables.last { $0.name == "PATH" }
    _ = try Recipe.resolve(program, searchPath: path?.value ?? environment["PATH"])
    notifySocket = environment["NOTIFY_SOCKET"].flatMap {
      $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self)
    }
    do {
      (pass, adoptOptions) = try Self.pass(options.pass)
    } catch {
      throw .usage("\(error)")
    }
    // Whatever else is wrong has been said by now.
    try listening.open(joining: &sockets, notifySocket: notifySocket, environment: environment)
    do {
      handover = try Handover.plan(
        pass, sockets: sockets.all.map(HandedSocket.init), arguments: command)
    } catch {
      throw .usage("\(error)")
    }
    policy.hasPassedSockets = SocketDesk.isOfUse(sockets)
    notices = Self.notices(policy, isNotified: notifySocket != nil) + handover.notices
    try requireReplaceable()
    notices += replaceNotices
  }

  /// `--pass`, and the words behind `adopt`.
  private static func pass(_ values: [String]) throws -> (PassProtocol, AdoptOptions?) {
    let adopt = try values.compactMap(AdoptOptions.parse)
    let names = try values.map { try AdoptOptions.parse($0) == nil ? $0 : "adopt" }
    return (try PassProtocol.parse(names), adopt.first)
  }

  private static func notices(_ policy: Policy, isNotified: Bool) -> [String] {
    guard isNotified, !policy.checks.isEmpty else { return [] }
    if policy.watchdog == nil, policy.onUnhealthy == .withhold {
      return ["WatchdogSec= is not set: a hang is told in STATUS, and systemd does not act on it"]
    }
    if let watchdog = policy.watchdog, let way = policy.longestWay, way >= watchdog {
      return [
        "--on-unhealthy: to find a hang and act may take \(way.brief), and WatchdogSec= of "
          + "\(watchdog.brief) fires before that: make it larger, or --interval, --timeout, --fall or "
          + "--stop-timeout smaller"
      ]
    }
    if policy.watchdog != nil, policy.isWatchdogUngated {
      return ["no check gates the watchdog: it is fed while the child lives"]
    }
    return []
  }
}

extension Policy {
  /// Those that stop a process for a while, let it go on, or are ignored (signal(7)).
  private static let neverStops: Set<Int32> = [
    SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGURG,
  ]

  fileprivate init(_ options: RunOptions) throws(Refusal) {
    self.init(checks: [], seed: .random(in: 0 ... .max))
    do {
      watchdog = try WatchdogSettings.period()
    } catch {
      throw .usage(error.description)
    }
    startTimeout = try span("--start-timeout", options.startTimeout)
    stopTimeout = try span("--stop-timeout", options.stopTimeout)
    onReload = options.onReload
    drain = try span("--drain", options.drain)
    exitIdle = try IdleDesk.limit(options.exitIdle)
    if OwnUnit.isService { leastLife = IdleStartLimit.standard.shortest }
    if let text = options.stopSignal {
      guard let signal = Launch.Signal(text) else {
        throw .usage(
          "--stop-signal \(text): no such signal; give a name such as SIGTERM, or a number")
      }
      guard !Self.neverStops.contains(signal.rawValue) else {
        throw .usage("--stop-signal \(text): it does not end a program; give one such as SIGTERM")
      }
      stopSignal = NamedSignal(signal)
    }
  }
}

extension NamedSignal {
  init(_ signal: Launch.Signal) {
    self.init(number: signal.rawValue, name: signal.description)
  }
}

extension PassedSockets {
  /// Those that a probe can connect to, in their order.
  var listeners: [ListenerAddress] {
    all.compactMap { ListenerAddress(name: $0.name, descriptor: $0.descriptor) }
  }
}
