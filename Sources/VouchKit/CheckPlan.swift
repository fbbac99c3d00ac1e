import Checks
import Launch
import Supervision

/// The checks of a command line, judged: what `vouch run` and its kin have in common.
enum CheckPlan {
  static func specs(_ options: CheckOptions) throws(Refusal) -> [CheckSpec] {
    var specs: [CheckSpec] = []
    for (kind, texts) in options.specs {
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

  static func checks(
    _ specs: [CheckSpec], _ options: CheckOptions, watchdog: Duration?
  ) throws(Refusal) -> [Check] {
    guard options.fall >= 1 else { throw .usage("--fall \(options.fall): it must be at least 1") }
    guard options.rise >= 1 else { throw .usage("--rise \(options.rise): it must be at least 1") }
    let interval = try span("--interval", options.interval)
    let timeout = try span("--timeout", options.timeout)
    let names = CheckNames.unique(specs)
    return zip(specs, names).map { spec, name in
      let interval = spec.interval ?? interval ?? Policy.defaultInterval(watchdog: watchdog)
      if case .heartbeat(let target) = spec.probe {
        return passive(target, name, spec, options, interval: interval)
      }
      return Check(
        name: name, interval: interval,
        timeout: spec.timeout ?? timeout ?? Policy.defaultTimeout(interval: interval),
        fall: spec.fall ?? options.fall, rise: spec.rise ?? options.rise,
        gates: Gates(spec.gates ?? spec.defaultGates), waitsInListenQueue: spec.probesPassedSocket)
    }
  }

  private static func passive(
    _ target: HeartbeatTarget, _ name: String, _ spec: CheckSpec, _ options: CheckOptions,
    interval: Duration
  ) -> Check {
    let gates = Gates(spec.gates ?? .both)
    let reporter: Reporter =
      switch target {
      case .program: .program(keptAlive: gates != .ready)
      case .component(let component): .component(component)
      }
    return Check(
      name: name, interval: interval, timeout: .zero, fall: spec.fall ?? options.fall,
      rise: spec.rise ?? options.rise, gates: gates, reporter: reporter)
  }

  /// A check that can never be run is a mistake in the command line, not an unhealthy child.
  static func requireCommands(
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

  /// One probe for each check, in their order: files are read and passed sockets found here.
  ///
  /// - Parameter kin: whose answers count on this machine (rule 6); nil where there is no child.
  static func probes(
    _ specs: [CheckSpec], listeners: [ListenerAddress], commands: ExecRunner, kin: Kin?
  ) throws(Refusal) -> [any Probe] {
    try probes(specs, by: try factory(listeners: listeners, commands: commands, kin: kin))
  }

  /// What makes the probes of all generations.
  ///
  /// - Parameter own: where the probes' own connections are noted.
  static func factory(
    listeners: [ListenerAddress], commands: ExecRunner, kin: Kin?, own: OwnConnections? = nil
  ) throws(Refusal) -> ProbeFactory {
    var factory: ProbeFactory
    do {
      factory = try ProbeFactory(
        listeners: listeners, version: vouchVersion, runner: commands, kin: kin)
    } catch {
      throw .failure(error.message)
    }
    factory.own = own
    return factory
  }

  /// One probe for each check, in their order: files are read and passed sockets found here.
  ///
  /// - Parameter generation: the one that is to be judged; nil for whatever the child's tree answers.
  static func probes(
    _ specs: [CheckSpec], by factory: ProbeFactory, generation: Int? = nil
  ) throws(Refusal) -> [any Probe] {
    var probes: [any Probe] = []
    for spec in specs {
      do {
        probes.append(try factory.makeProbe(for: spec, generation: generation))
      } catch {
        throw .usage(error.message)
      }
    }
    return probes
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

/// A flag's time span.
func span(
  _ flag: String, _ text: String?, atLeast shortest: Duration = .milliseconds(1)
) throws(Refusal) -> Duration? {
  guard let text else { return nil }
  let span: Duration
  do {
    span = try DurationText.parse(text)
  } catch {
    throw .usage("\(flag): \(error.message)")
  }
  if span < shortest {
    throw .usage("\(flag): \(text) is too short: at least \(shortest.brief)")
  }
  return span
}
