import Checks
import Glibc
import Launch
import Supervision
import Systemd

/// Everything that is settled before the child starts: the command line and the environment, read,
/// judged and found possible.
struct Plan {
  var policy: Policy
  /// In the order of `policy.checks`.
  var specs: [CheckSpec]
  var sockets: PassedSockets
  var notifySocket: String?
  /// The files to try for the command, and the command with its arguments.
  var paths: [[UInt8]]
  var command: [[UInt8]]
  var environment: ChildEnvironment
  var childEnvironment: ChildEnvironment
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
    policy = try Policy(options)
    specs = try Self.specs(options)
    if specs.isEmpty, !options.noCheck {
      throw .usage(
        "nothing to check: give --http, --tcp or --exec, so that READY=1 and WATCHDOG=1 mean "
          + "something, or --no-check to vouch for no more than that the child runs")
    }
    if !specs.isEmpty, options.noCheck {
      throw .usage("--no-check and a check contradict each other: leave one of them out")
    }
    policy.checks = try Self.checks(specs, options, watchdog: policy.watchdog)
    if let problem = policy.problem { throw .usage(problem.description) }
    try Self.requireCommands(of: specs, searchPath: environment["PATH"])

    paths = try Self.resolve(program, searchPath: environment["PATH"])
    command = options.command
    childEnvironment = environment.forChild(
      passing: sockets.all.count, names: sockets.areNamed ? sockets.all.map(\.name) : nil)
    notifySocket = environment["NOTIFY_SOCKET"].flatMap {
      $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self)
    }
    notices = Self.notices(policy, isNotified: notifySocket != nil)
  }

  private static func specs(_ options: RunOptions) throws(Refusal) -> [CheckSpec] {
    let given: [(CheckSpec.Kind, [String])] = [
      (.http, options.http), (.tcp, options.tcp), (.exec, options.exec),
    ]
    var specs: [CheckSpec] = []
    for (kind, texts) in given {
      for text in texts {
        do {
          specs.append(try CheckSpec.parse(kind: kind, text: text))
        } catch {
          throw .usage(error.message)
        }
      }
    }
    return specs
  }

  private static func checks(
    _ specs: [CheckSpec], _ options: RunOptions, watchdog: Duration?
  ) throws(Refusal) -> [Check] {
    let interval = try span("--interval", options.interval)
    let timeout = try span("--timeout", options.timeout)
    let names = CheckNames.unique(specs)
    return zip(specs, names).map { spec, name in
      let interval = spec.interval ?? interval ?? Policy.defaultInterval(watchdog: watchdog)
      return Check(
        name: name, interval: interval,
        timeout: spec.timeout ?? timeout ?? Policy.defaultTimeout(interval: interval),
        fall: spec.fall ?? options.fall, rise: spec.rise ?? options.rise,
        gates: Gates(spec.gates ?? .both), waitsInListenQueue: spec.probesPassedSocket)
    }
  }

  /// A check that can never be run is a mistake in the command line, not an unhealthy child.
  private static func requireCommands(
    of specs: [CheckSpec], searchPath: [UInt8]?
  ) throws(Refusal) {
    for spec in specs {
      guard case .exec(let command) = spec.probe else { continue }
      switch CommandResolver.resolve(Array(command[0].utf8), searchPath: searchPath) {
      case .found: break
      case .notFound: throw .usage("--exec '\(spec.text)': command not found: \(command[0])")
      case .notExecutable(let path, let reason):
        throw .usage(
          "--exec '\(spec.text)': cannot be run: \(String(decoding: path, as: UTF8.self)): "
            + reason)
      }
    }
  }

  private static func resolve(
    _ program: [UInt8], searchPath: [UInt8]?
  ) throws(Refusal) -> [[UInt8]] {
    let name = String(decoding: program, as: UTF8.self)
    switch CommandResolver.resolve(program, searchPath: searchPath) {
    case .found(let paths): return paths
    case .notFound:
      throw Refusal(message: "command not found: \(name.isEmpty ? "\"\"" : name)", exitCode: 127)
    case .notExecutable(let path, let reason):
      throw Refusal(
        message: "cannot be run: \(String(decoding: path, as: UTF8.self)): \(reason)",
        exitCode: 126)
    }
  }

  private static func notices(_ policy: Policy, isNotified: Bool) -> [String] {
    guard isNotified, !policy.checks.isEmpty else { return [] }
    if policy.watchdog == nil, policy.onUnhealthy == .withhold {
      return ["WatchdogSec= is not set: a hang is told in STATUS, and systemd does not act on it"]
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
    guard options.fall >= 1 else { throw .usage("--fall \(options.fall): it must be at least 1") }
    guard options.rise >= 1 else { throw .usage("--rise \(options.rise): it must be at least 1") }
    self.init(checks: [], onUnhealthy: options.onUnhealthy)
    do {
      watchdog = try WatchdogSettings.period()
    } catch {
      throw .usage(error.description)
    }
    startTimeout = try span("--start-timeout", options.startTimeout)
    stopTimeout = try span("--stop-timeout", options.stopTimeout)
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

extension Gates {
  init(_ gates: CheckSpec.Gates) {
    switch gates {
    case .ready: self = .ready
    case .watchdog: self = .watchdog
    case .both: self = .both
    case .none: self = .none
    }
  }
}

extension NamedSignal {
  init(_ signal: Launch.Signal) {
    self.init(number: signal.rawValue, name: signal.description)
  }
}

/// A flag's time span, at least 1 ms.
private func span(_ flag: String, _ text: String?) throws(Refusal) -> Duration? {
  guard let text else { return nil }
  let span: Duration
  do {
    span = try DurationText.parse(text)
  } catch {
    throw .usage("\(flag): \(error.message)")
  }
  if span < .milliseconds(1) { throw .usage("\(flag): \(text) is too short: at least 1ms") }
  return span
}

extension Plan {
  /// One probe for each check, in their order: files are read and passed sockets found here.
  func probes(_ commands: ExecRunner) throws(Refusal) -> [any Probe] {
    let factory: ProbeFactory
    do {
      factory = try ProbeFactory(
        listeners: sockets.all.compactMap {
          ListenerAddress(name: $0.name, descriptor: $0.descriptor)
        }, version: vouchVersion, runner: commands)
    } catch {
      throw .failure(error.message)
    }
    var probes: [any Probe] = []
    for spec in specs {
      do {
        probes.append(try factory.makeProbe(for: spec))
      } catch {
        throw .usage(error.message)
      }
    }
    return probes
  }
}
