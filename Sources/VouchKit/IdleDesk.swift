import Checks
import Glibc
import Launch
import Logging
import NIOCore
import Supervision
import Systemd

/// `--exit-idle` in the shell: looks at the passed sockets when Supervision asks for it, and tells it of
/// what comes to them.
///
/// vouch's own probes come there, too. Their connections are known and left out of a look, which waits
/// until none is in flight; what comes while a probe connects is not told, since it may be the probe's
/// own, nor what comes while an `--exec` check's command runs.
final class IdleDesk {
  /// The kernel sends it for arrivals: a standard signal, so that many merge into one, and one that
  /// hardly anybody sends to a service.
  static let signal = Launch.Signal.urgent
  private static let shortest = Duration.milliseconds(100)

  let own = OwnConnections()
  private let log: Logger
  private let use: SocketUse
  private let limit: Duration

  private var loop: (any EventLoop)?
  private var isProbing: () -> Bool = { false }
  private var commands: ExecRunner?
  private var send: (Event) -> Void = { _ in }
  private var probesEndedAt: NIODeadline?
  /// A look that waits until no probe is in flight, or until it has waited for too long.
  private var waiting: (held: Bool, until: NIODeadline)?
  private var hold: FamilyHold?
  private var timer: Scheduled<Void>?

  /// How long the server's side of a probe may take to notice its end, and the signal of its arrival to
  /// be read.
  private static let settling = TimeAmount.milliseconds(20)
  /// How long a probe's connection may take to arrive at a socket of this machine.
  private static let connectTime = TimeAmount.milliseconds(250)
  /// Checks that overlap without end are not waited for.
  private static let patience = TimeAmount.seconds(10)
  /// How long a family may take to stop: a process may have to wait for a disk first.
  private static let holdPatience = TimeAmount.milliseconds(200)

  /// The time of `--exit-idle`.
  static func limit(_ text: String?) throws(Refusal) -> Duration? {
    try span("--exit-idle", text, atLeast: shortest)
  }

  /// - Throws: why nothing would start the service again, or its use cannot be seen.
  init?(_ plan: Plan, _ log: Logger) throws(Refusal) {
    guard let limit = plan.policy.exitIdle else { return nil }
    self.limit = limit
    self.log = log
    let listened = Set(plan.listening.own.map(\.descriptor))
    let passed = plan.sockets.all.filter { !listened.contains($0.descriptor) }
    guard !passed.isEmpty else {
      throw .usage(
        plan.sockets.all.isEmpty
          ? "--exit-idle: no socket was passed, so that nothing would start the service again: add a "
            + ".socket unit"
          : "--exit-idle: the sockets of --listen end with vouch, so that nothing would start the "
            + "service again: put them into a .socket unit")
    }
    do {
      use = try SocketUse(
        plan.sockets.all.map { ($0.descriptor, $0.name) }, own: own,
        signal: Self.signal.rawValue)
    } catch {
      throw .usage("--exit-idle: \(error.message)")
    }
    if !listened.isEmpty {
      log.notice(
        "--exit-idle: while the service is stopped, nobody listens at the sockets of --listen")
    }
  }

  func attach(
    on loop: any EventLoop, isProbing: @escaping () -> Bool, commands: ExecRunner,
    send: @escaping (Event) -> Void
  ) {
    self.loop = loop
    self.isProbing = isProbing
    self.commands = commands
    self.send = send
  }

  /// Takes what is known of the unit, and says what in it works against --exit-idle.
  func take(_ unit: OwnUnit?) {
    guard let unit else { return }
    let startLimit = IdleStartLimit(unit)
    send(.leastLife(startLimit?.shortest ?? .zero))
    if let restart = unit.restart, ["always", "on-success"].contains(restart) {
      log.warning(
        "Restart=\(restart) starts the service again as soon as --exit-idle has ended it: set Restart=on-failure"
      )
    }
    if let notice = startLimit?.notice(for: limit) { log.notice("\(notice)") }
  }

  // MARK: - Arrivals

  /// Whether the kernel sent it for one of the sockets: POLL_IN of sigaction(2), which no process can
  /// send.
  static func isArrival(_ received: ReceivedSignal) -> Bool { received.origin == .other(1) }

  func arrived() {
    if mayBeOwn { return }
    // One is enough until the next look.
    use.disarm()
    send(.arrived)
  }

  /// A probe that waits for its answer hides nobody's arrival: a slow health endpoint may have one
  /// waiting all the time.
  private var mayBeOwn: Bool {
    if own.mayArrive(connectTime: Self.connectTime, settling: Self.settling) { return true }
    guard let commands else { return false }
    return !commands.processes.isEmpty
      || commands.lastEnd.map { .now() < $0 + Self.settling } ?? false
  }

  func probesEnded() {
    probesEndedAt = .now()
    if waiting != nil { schedule(in: Self.settling) }
  }

  // MARK: - Looks

  func look(held: Bool) {
    waiting = (held, .now() + Self.patience)
    goOn()
  }

  /// Drops the look that is on its way, and lets the child's family go on.
  func letGo() {
    timer?.cancel()
    timer = nil
    waiting = nil
    hold?.letGo()
    hold = nil
  }

  func end() {
    letGo()
    use.disarm()
  }

  private func schedule(in time: TimeAmount) {
    timer?.cancel()
    timer = loop?.assumeIsolated().scheduleTask(in: time) { [self] in
      timer = nil
      goOn()
    }
  }

  /// The next step of the look that is on its way.
  private func goOn() {
    guard let waiting else { return }
    if hold == nil, .now() < waiting.until {
      if isProbing() { return schedule(in: waiting.until - .now()) }
      if let ended = probesEndedAt, .now() < ended + Self.settling {
        return schedule(in: ended + Self.settling - .now())
      }
    }
    guard waiting.held else {
      let wasArmed = use.arm()
      let seen = use.look()
      return answer(wasArmed ? seen : .used)
    }
    if hold == nil {
      hold = FamilyHold(sparing: Set((commands?.processes ?? []).map(\.rawValue)))
      self.waiting?.until = .now() + Self.holdPatience
    }
    guard hold?.isComplete() == true else {
      if .now() < self.waiting?.until ?? .distantPast {
        return schedule(in: .milliseconds(1))
      }
      return answer(.unknown("the program could not be stopped for the look"))
    }
    answer(use.hasArrival || !use.arm() ? .used : use.look())
  }

  private func answer(_ verdict: SocketUse.Verdict) {
    waiting = nil
    switch verdict {
    case .quiet: send(.useSeen(.quiet))
    case .used: send(.useSeen(.busy))
    case .unknown(let reason): send(.useSeen(.unknown(reason)))
    }
  }
}
