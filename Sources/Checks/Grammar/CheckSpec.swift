/// One check as the administrator wrote it: `--http SPEC`, `--tcp SPEC`, …
public struct CheckSpec: Sendable, Hashable {
  /// The kinds of checks, by the flag that makes them.
  public enum Kind: String, CaseIterable, Sendable {
    case http, tcp, grpc, exec, backlog, heartbeat

    /// The keys that this kind understands, the common ones last.
    public var keys: [String] {
      switch self {
      case .http: HTTPSpec.keys + ["peer"] + CheckSpec.commonKeys
      case .grpc: GRPCSpec.keys + CheckSpec.commonKeys
      case .tcp: ["peer"] + CheckSpec.commonKeys
      case .backlog: BacklogSpec.keys + ["peer"] + CheckSpec.commonKeys
      case .exec: CheckSpec.commonKeys
      // Nothing is probed, so that nothing could time out.
      case .heartbeat: CheckSpec.commonKeys.filter { $0 != "timeout" }
      }
    }
  }

  /// What a check decides about where `gates=` is not given. An empty listen queue says nothing of a
  /// program that has not begun to serve: readiness is not for `--backlog` to tell.
  public var defaultGates: Gates { kind == .backlog ? .watchdog : .both }

  /// What a check decides about.
  public enum Gates: String, CaseIterable, Sendable {
    case ready, watchdog, both, none
  }

  /// What to do to find out, by kind.
  public enum ProbeSpec: Sendable, Hashable {
    case http(HTTPSpec)
    case tcp(Target)
    case grpc(GRPCSpec)
    case backlog(BacklogSpec)
    /// The command and its arguments; never empty.
    case exec([String])
    case heartbeat(HeartbeatTarget)
  }

  public var kind: Kind
  /// The SPEC as it was written.
  public var text: String
  /// The value of `name=`.
  public var name: String? = nil
  /// What to call it where `name=` is not given: `http /healthz`, `grpc :50051`, `exec pg_isready`.
  /// Two checks may have the same.
  public var derivedName: String
  /// At least 1 ms.
  public var interval: Duration? = nil
  /// At least 1 ms.
  public var timeout: Duration? = nil
  /// At least 1.
  public var fall: Int? = nil
  /// At least 1.
  public var rise: Int? = nil
  public var gates: Gates? = nil
  /// For the kinds that connect or look at a listening socket.
  public var peer = PeerRule.child
  public var probe: ProbeSpec

  /// The keys of every kind.
  static let commonKeys = ["name", "interval", "timeout", "fall", "rise", "gates"]

  /// Whether it probes a socket that vouch itself handed on, so that a request waits in the listen
  /// queue until the child serves.
  public var probesPassedSocket: Bool {
    switch probe {
    case .http(let spec): spec.target.place.isPassedSocket
    case .tcp(let target): target.isPassedSocket
    case .grpc(let spec): spec.place.isPassedSocket
    case .exec, .backlog, .heartbeat: false
    }
  }

  /// Reads a SPEC. Pure: no file is opened and no name resolved.
  ///
  /// - Throws: `SpecError` whose message begins with the flag and the SPEC.
  public static func parse(kind: Kind, text: String) throws(SpecError) -> CheckSpec {
    do {
      return try parseBare(kind: kind, text: text)
    } catch {
      throw SpecError("\(flag(kind, text)): \(error.message)")
    }
  }

  /// `--http '/healthz status=200'`, for messages.
  static func flag(_ kind: Kind, _ text: String) -> String {
    "--\(kind.rawValue) '\(shown(text))'"
  }

  private static func parseBare(kind: Kind, text: String) throws(SpecError) -> CheckSpec {
    let words = try SpecWords(text, commandFollows: kind == .exec)
    let options = try SpecOptions(
      words.options, keys: kind.keys, repeatable: HTTPSpec.repeatableKeys)

    let probe: ProbeSpec
    let label: String
    switch kind {
    case .http:
      label = try words.target()
      probe = .http(try HTTPSpec.parse(label, options))
    case .tcp:
      label = try words.target()
      probe = .tcp(try Target.parseStream(label))
    case .grpc:
      label = try words.target()
      probe = .grpc(try GRPCSpec.parse(label, options))
    case .backlog:
      label = try words.target()
      probe = .backlog(try BacklogSpec.parse(label, options))
    case .exec:
      guard let command = words.rest.first, !command.isEmpty else {
        throw SpecError("it names no command")
      }
      label = command
      probe = .exec(words.rest)
    case .heartbeat:
      label = try words.target()
      probe = .heartbeat(try HeartbeatTarget.parse(label))
    }

    var spec = CheckSpec(
      kind: kind, text: text, derivedName: "\(kind.rawValue) \(shown(label))", probe: probe)
    spec.name = try options.value("name", parseName)
    spec.interval = try options.value("interval", parseSpan)
    spec.timeout = try options.value("timeout", parseSpan)
    spec.fall = try options.value("fall", parseCount)
    spec.rise = try options.value("rise", parseCount)
    spec.gates = try options.value("gates", parseGates)
    if let peer = try options.value("peer", PeerRule.parse) { spec.peer = peer }
    if spec.probe == .heartbeat(.program), spec.gates == .ready,
      let key = ["interval", "fall", "rise"].first(where: { options.has($0) })
    {
      throw SpecError(
        "\(key)= does nothing with gates=ready: READY=1 is then all that the program has to say")
    }
    return spec
  }

  private static func parseName(_ text: String) throws(SpecError) -> String {
    guard (1...64).contains(text.count), shown(text) == text else {
      throw SpecError("\(quoted(text)) is not a name: 1 to 64 characters on one line")
    }
    return text
  }

  private static func parseSpan(_ text: String) throws(SpecError) -> Duration {
    let span = try DurationText.parse(text)
    if span < .milliseconds(1) {
      throw SpecError("\(quoted(text)) is too short: at least 1ms")
    }
    return span
  }

  private static func parseCount(_ text: String) throws(SpecError) -> Int {
    guard let count = wholeNumber(text), count >= 1 else {
      throw SpecError("\(quoted(text)) is not a count: a whole number from 1 on")
    }
    return count
  }

  private static func parseGates(_ text: String) throws(SpecError) -> Gates {
    guard let gates = Gates(rawValue: text) else {
      throw SpecError(
        "\(quoted(text)) is none of: "
          + Gates.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return gates
  }
}
