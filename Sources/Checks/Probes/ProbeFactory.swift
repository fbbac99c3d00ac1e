/// Makes the probes for checks: whatever they share is given here.
public struct ProbeFactory {
  private let listeners: [ListenerAddress]
  private let version: String
  private let runner: any CommandRunner
  private let resolve: NameLookup.Resolve
  private let deadlines: Deadlines

  /// - Parameters:
  ///   - listeners: the listening stream sockets that vouch was passed, in their order.
  ///   - version: for `User-Agent: vouch/VERSION`; a token.
  ///   - runner: for the commands of `--exec`.
  /// - Throws: `SpecError` where no descriptor is left for their timer.
  public init(
    listeners: [ListenerAddress], version: String, runner: any CommandRunner
  ) throws(SpecError) {
    try self.init(
      listeners: listeners, version: version, runner: runner, resolve: NameLookup.system)
  }

  init(
    listeners: [ListenerAddress], version: String, runner: any CommandRunner,
    resolve: @escaping NameLookup.Resolve
  ) throws(SpecError) {
    deadlines = try Deadlines()
    self.listeners = listeners
    self.version = version
    self.runner = runner
    self.resolve = resolve
  }

  /// Makes the probe for one check, with the files of `tls-ca=`, `tls-cert=` and
  /// `tls-key=` read and the passed socket found.
  /// `--grpc` and `--heartbeat` join the kinds here.
  ///
  /// - Throws: `SpecError`, which begins with the flag and the SPEC, where that is not possible.
  public func makeProbe(for check: CheckSpec) throws(SpecError) -> any Probe {
    do {
      switch check.probe {
      case .http(let spec):
        return try HTTPProbe(
          spec, peers: try peers(spec.target.place), deadlines: deadlines, version: version)
      case .tcp(let target):
        return TCPProbe(peers: try peers(target), deadlines: deadlines)
      case .exec(let command):
        return ExecProbe(command, runner: runner, deadlines: deadlines)
      }
    } catch {
      throw SpecError("\(CheckSpec.flag(check.kind, check.text)): \(error.message)")
    }
  }

  private func peers(_ target: Target) throws(SpecError) -> Peers {
    try Peers(target, listeners: listeners, resolve: resolve)
  }
}
