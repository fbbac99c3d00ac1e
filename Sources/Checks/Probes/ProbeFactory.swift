/// Makes the probes for checks: whatever they share is given here.
public struct ProbeFactory {
  private let listeners: [ListenerAddress]
  private let version: String
  private let runner: any CommandRunner
  private let resolve: NameLookup.Resolve
  private let deadlines: Deadlines
  private let diag = SocketDiag()
  private let ownership: Ownership?
  private let generations: Generations?
  /// Where the probes note the connections that they make, if anywhere.
  public var own: OwnConnections?

  /// - Parameters:
  ///   - listeners: the listening stream sockets that vouch was passed, in their order.
  ///   - version: for `User-Agent: vouch/VERSION`; a token.
  ///   - runner: for the commands of `--exec`.
  ///   - kin: whose answers count on this machine (rule 6); nil where there is no child.
  /// - Throws: `SpecError` where no descriptor is left for their timer.
  public init(
    listeners: [ListenerAddress], version: String, runner: any CommandRunner, kin: Kin?
  ) throws(SpecError) {
    try self.init(
      listeners: listeners, version: version, runner: runner, kin: kin, resolve: NameLookup.system)
  }

  init(
    listeners: [ListenerAddress], version: String, runner: any CommandRunner, kin: Kin? = nil,
    resolve: @escaping NameLookup.Resolve
  ) throws(SpecError) {
    deadlines = try Deadlines()
    self.listeners = listeners
    self.version = version
    self.runner = runner
    self.resolve = resolve
    generations = kin?.generations
    ownership = kin.map { [diag] in Ownership($0, passed: listeners, diag: diag) }
  }

  /// Makes the probe for one check, with the files of `tls-ca=`, `tls-cert=` and
  /// `tls-key=` read and the passed socket found.
  ///
  /// - Parameter generation: the one that is to answer, where several live at once (`Kin`): the answers
  ///   of others do not count, and it is tried anew until the probe's time is up. A listen queue is
  ///   everybody's, and judged as it is; so are answers with `peer=any`, and those from elsewhere.
  /// - Throws: `SpecError`, which begins with the flag and the SPEC, where that is not possible.
  public func makeProbe(
    for check: CheckSpec, generation: Int? = nil
  ) throws(SpecError) -> any Probe {
    do {
      switch check.probe {
      case .http(let spec):
        return try HTTPProbe(
          spec, peers: try peers(spec.target.place, check.peer, generation), deadlines: deadlines,
          version: version)
      case .tcp(let target):
        return TCPProbe(peers: try peers(target, check.peer, generation), deadlines: deadlines)
      case .grpc(let spec):
        return GRPCProbe(
          spec, peers: try peers(spec.place, check.peer, generation), deadlines: deadlines,
          version: version)
      case .backlog(let spec):
        return try BacklogProbe(
          spec, place: spec.target.shown, peers: try peers(spec.target, check.peer), diag: diag)
      case .exec(let command):
        return ExecProbe(
          command, variables: { [generations] in generations?.variables(of: generation) ?? [:] },
          runner: runner, deadlines: deadlines)
      case .heartbeat: return PassiveCheck()
      }
    } catch {
      throw SpecError("\(CheckSpec.flag(check.kind, check.text)): \(error.message)")
    }
  }

  private func peers(
    _ target: Target, _ rule: PeerRule, _ generation: Int? = nil
  ) throws(SpecError) -> Peers {
    let peers = try Peers(
      target, listeners: listeners, diag: diag, ownership: rule == .child ? ownership : nil,
      generation: generation, resolve: resolve)
    peers.own = own
    return peers
  }
}
