import Checks
import Glibc
import Launch
import Logging
import NIOCore
import NIOPosix
import Supervision
import Systemd

/// The shell around Supervision: one event loop on the main thread, events in, effects out.
final class Runner {
  private let loop: EventLoop
  private let log: Logger
  /// Nil while none runs, between the two of a restart.
  private var child: Child?
  /// The number of the generation that serves, and of the last that was to be started.
  private var generation = 1
  private var lastGeneration = 1
  /// The generation beside it (`--on-reload replace`).
  private var other: OtherGeneration?
  private let launch: (_ generation: Int, _ beside: Bool) throws(Refusal) -> Child
  private let makeProbes: (_ generation: Int) throws(Refusal) -> [any Probe]
  /// With `--on-reload replace`.
  private let generations: Generations?
  private let sweep: Sweep?
  private let family: FamilySweep
  private let notifier: Notifier?
  private var probes: [any Probe]
  private let commands: ExecRunner
  private var signals: SignalReader
  private let unit: UnitDesk
  private let sharesTerminal: Bool
  private let action: UnhealthyAction?
  private var supervision: Supervision
  private let listening: Listening
  private let reports: NotifyInbox?
  private let adopt: AdoptDesk?
  private let sockets: SocketDesk
  private let idle: IdleDesk?
  /// Where a check waits for what the child says.
  private var desk: ReportDesk?
  private var reloads: ReloadDesk?
  /// What happened while effects were being carried out: its turn comes after them.
  private var waiting: [Event] = []
  private var isHandling = false
  private var running: [CheckID: any RunningProbe] = [:]
  private let alarm: Alarm

  init(
    loop: EventLoop, log: Logger, child: Child,
    launch: @escaping (Int, Bool) throws(Refusal) -> Child, notifier: Notifier?,
    probes: [any Probe], makeProbes: @escaping (Int) throws(Refusal) -> [any Probe],
    generations: Generations?, commands: ExecRunner, plan: Plan, reports: NotifyInbox?,
    adopt: AdoptDesk?, socketDesk: SocketDesk, idle: IdleDesk?, ignored: UInt64
  ) {
    self.loop = loop
    alarm = Alarm(loop)
    self.log = log
    self.child = child
    self.launch = launch
    self.makeProbes = makeProbes
    self.generations = generations
    generations?.heads[1] = child.process.rawValue
    sweep = generations.map { Sweep(commands: commands, generations: $0, log: log) }
    family = FamilySweep(commands: commands)
    sharesTerminal = child.sharesTerminal
    self.notifier = notifier
    self.probes = probes
    self.commands = commands
    signals = SignalReader(
      isService: OwnUnit.isService, sharesTerminal: child.sharesTerminal, ignored: ignored)
    unit = UnitDesk(isService: signals.isService, log: log, on: loop)
    // Longer than the watchdog's period is of no use: it is over then.
    action = plan.unhealthyCommand.map {
      UnhealthyAction($0, limit: plan.policy.watchdog ?? .seconds(90), commands: commands)
    }
    supervision = Supervision(plan.policy)
    listening = plan.listening
    self.reports = reports
    self.adopt = adopt
    sockets = socketDesk
    self.idle = idle
  }

  /// Begins to supervise a child that runs already.
  func start(_ inbox: SignalInbox) {
    desk = reports.map { reports in
      ReportDesk(
        reports, policy: supervision.policy, isService: signals.isService, notifier: notifier,
        log: log, on: loop, others: { [commands] in commands.processes }
      ) { [self] in handle(event(of: $0, from: $1)) }
    }
    reloads = ReloadDesk(log, on: loop) { [self] in handle(.reloadAsked($0)) }
    adopt?.attach(on: loop) { [self] in
      handle(other?.isNew == true ? .other(.listening) : .listening)
    }
    adopt?.isDiagnosed = { [self] in supervision.isDiagnosed }
    idle?.attach(
      on: loop, isProbing: { [self] in !running.isEmpty }, commands: commands,
      send: { [self] in handle($0) })
    SignalChannel.open(inbox, on: loop) { [self] batch in
      // Standard signals come in the order of their numbers: the SIGHUP of SendSIGHUP= before the
      // SIGTERM that it followed.
      for signal in batch where signal.signal == .terminate { take(signal) }
      // Their SIGIO is among these. Before any child is reaped: while it is not, its family is known.
      desk?.read()
      if batch.contains(where: { $0.signal == .io && $0.origin == .kernel }) { reloads?.read() }
      for signal in batch where signal.signal != .terminate { take(signal) }
    }
    .whenFailure { [log] error in
      log.critical("signals cannot be read: \(error)")
      // Unable to hear SIGTERM or the child's end, it is of no use: PDEATHSIG takes the child.
      exit(70)
    }
    handle(.childStarted)
    let keeper = StoreKeeper(listening, notifier, log: log, on: loop)
    unit.ask(andStore: keeper != nil) { [self] unit in
      signals.unit = unit
      keeper?.answered(unit?.descriptorStoreMax)
      if signals.isService, unit?.killMode == nil {
        log.notice("KillMode= is not known: the child gets vouch's copy of each signal")
      }
      warn(.stopSignal(supervision.policy.stopSignal, unit, killSignal: signals.killSignal))
      idle?.take(unit)
    }
  }

  private func handle(_ event: Event) {
    waiting.append(event)
    if isHandling { return }
    isHandling = true
    while !waiting.isEmpty {
      for effect in supervision.handle(waiting.removeFirst(), at: .now) { carryOut(effect) }
    }
    isHandling = false
    alarm.set(supervision.wakeAt) { [self] in
      // What has come is not late.
      desk?.readAll()
      handle(.clock)
    }
  }

  private func carryOut(_ effect: Effect) {
    switch effect {
    case .probe(let id, let timeout): probe(id, timeout)
    case .cancelProbes:
      for probe in running.values { probe.cancel() }
      running = [:]
      idle?.probesEnded()
    case .notify(let notification): notify(notification)
    case .signalChild(let signal):
      child?.send(signal)
      adopt?.signalled(on: loop)
    case .stopChild(let signal):
      child?.stop(signal)
      adopt?.signalled(on: loop)
      idle?.letGo()
    case .killChild:
      child?.kill()
      idle?.letGo()
    case .seeUse(let held): idle?.look(held: held)
    case .letGo: idle?.letGo()
    case .killRest: killRest()
    case .startChild: startChild()
    case .runAction(let check, let reason):
      action?.run(check: check, reason: reason, child: child?.process, on: loop) {
        [log] level, text in log.log(level: Logger.Level(level), "\(text)")
      }
    case .askReach:
      unit.settleReach(
        signals: { [self] in signals }, settled: { [self] in handle(.reachKnown($0)) })
    case .look:
      sockets.look(without: commands.processes, on: loop) { [self] in handle(.looked($0)) }
    case .log(let level, let text): log.log(level: Logger.Level(level), "\(text)")
    case .other(let effect): carryOut(effect)
    case .answer(let tickets, let verdict): reloads?.answer(tickets, verdict)
    case .exit(let exit): end(exit)
    }
  }

  // MARK: - Probes

  private func probe(_ id: CheckID, _ timeout: Duration) {
    running[id] = probes[id].start(on: loop, timeout: TimeAmount(upToAYear: timeout)) {
      [self] outcome in
      running[id] = nil
      if running.isEmpty { idle?.probesEnded() }
      handle(.probeEnded(id, ProbeVerdict(outcome)))
    }
    running[id]?.delayed = { [self] lost in
      handle(.probeDelayed(id, lost: Duration(lost)))
    }
  }

  // MARK: - systemd

  private func notify(_ notification: Notification) {
    // READY=1 first: a look takes its time.
    defer { if notification.ready { warnAboutReplacing() } }
    guard let notifier else { return }
    let datagram = notification.datagram
    log.debug("to systemd: \(datagram)")
    guard let code = notifier.send(datagram) else { return }
    handle(.undelivered(notification, reason: String(cString: strerror(code))))
  }

  private var mayWarnAboutReplacing = true

  /// Says it before the first deploy that `--on-reload replace` will not do.
  private func warnAboutReplacing() {
    guard mayWarnAboutReplacing, let generations else { return }
    mayWarnAboutReplacing = false
    warn(.replacing(generations.obstacle))
  }

  private func warn(_ warning: LateWarning?) {
    if let warning { log.warning("\(warning.text)") }
  }

  // MARK: - Signals and ends

  private func take(_ received: ReceivedSignal) {
    switch received.signal {
    case .child: reap()
    // The kernel's, for a socket that has been read.
    case .io where received.origin == .kernel && (desk != nil || reloads != nil): break
    case IdleDesk.signal where IdleDesk.isArrival(received): idle?.arrived()
    case .terminalStop where received.origin == .kernel && sharesTerminal:
      // Ctrl-Z stops the child too; both go on with the SIGCONT of the shell's fg or bg.
      raise(SIGSTOP)
    default: handle(signals.event(for: received))
    }
  }

  private func reap() {
    for (process, status) in Reaper.reapAll() {
      if process == child?.process {
        ended = status
      } else if process == other?.child.process {
        other?.ended = status
      } else {
        commands.reaped(process, status)
      }
    }
    family.goOn()
    sweep?.goOn(running: heads)
    tellEnd()
    tellOtherEnd()
  }

  private func tellEnd() {
    guard let child, let ended else { return }
    adopt?.read()
    self.child = nil
    lastChild = (child, generation)
    self.ended = nil
    lastEnd = ended
    if supervision.isStarting, let finding = sockets.lastWords(ended) { handle(.looked(finding)) }
    handle(.childEnded(ChildEnd(ended)))
  }

  private var ended: ExitStatus?
  private var lastEnd: ExitStatus?

  private func end(_ exit: Exit) {
    idle?.end()
    switch exit {
    case .startTimeout: endLike(.exited(75))
    case .like: endLike(lastEnd ?? .exited(70))
    case .stoppedWithoutChild, .idle: endLike(.exited(0))
    case .notStarted(let code): endLike(.exited(code))
    }
  }

  // MARK: - Restarts

  private func startChild() {
    killRest()
    family.end()
    desk?.discard()
    do throws(Refusal) {
      lastGeneration += 1
      generation = lastGeneration
      // A probe of a generation knows it by its number.
      if generations != nil { probes = try makeProbes(generation) }
      let started = try launch(generation, other != nil)
      child = started
      generations?.heads[generation] = started.process.rawValue
      handle(.childStarted)
    } catch {
      handle(.childNotStarted(error.description, exitCode: error.exitCode))
    }
  }

  // MARK: - The generation beside the one that serves

  /// The last one that served and ended, until it is swept up after.
  private var lastChild: (Child, generation: Int)?
  private var lastOther: (Child?, generation: Int)?

  /// The processes of the generations that run.
  private var heads: [ProcessID] { [child?.process, other?.child.process].compactMap { $0 } }

  private func carryOut(_ effect: OtherEffect) {
    switch effect {
    case .start(let generation): startOther(generation)
    case .probe(let id, let timeout): probeOther(id, timeout)
    case .cancelProbes:
      for probe in (other?.running ?? [:]).values { probe.cancel() }
      other?.running = [:]
    case .stop(let signal):
      if other?.isNew == false { other?.drains = signal }
      // The number of one that was reaped may be a stranger's by now.
      if other?.ended == nil { other?.child.stop(signal) }
      adopt?.signalled(on: loop)
    case .kill:
      other?.drains = nil
      if other?.ended == nil { other?.child.kill() }
      // Where its first process has ended before, this is the end of it.
      tellOtherEnd()
    case .killRest:
      guard let (child, generation) = lastOther else { return }
      lastOther = nil
      sweep?.begin(of: child, generation, running: heads)
    case .swap: swapGenerations()
    }
  }

  private func startOther(_ generation: Int) {
    lastGeneration = generation
    do throws(Refusal) {
      if let obstacle = generations?.obstacle {
        throw .failure("it could not be told whose answers the checks get, since \(obstacle)")
      }
      let probes = try makeProbes(generation)
      let started = try launch(generation, true)
      other = OtherGeneration(child: started, generation: generation, isNew: true, probes: probes)
      generations?.heads[generation] = started.process.rawValue
      handle(.other(.started))
    } catch {
      handle(.other(.notStarted(error.message)))
    }
  }

  private func probeOther(_ id: CheckID, _ timeout: Duration) {
    guard let generation = other?.generation else { return }
    let running = other?.probes[id].start(on: loop, timeout: TimeAmount(upToAYear: timeout)) {
      [self] outcome in
      guard other?.generation == generation else { return }
      other?.running[id] = nil
      handle(.other(.probeEnded(id, ProbeVerdict(outcome))))
    }
    running?.delayed = { [self] lost in
      handle(.other(.probeDelayed(id, lost: Duration(lost))))
    }
    other?.running[id] = running
  }

  /// The new one serves from here on. No probe is in flight.
  private func swapGenerations() {
    guard let new = other else { return }
    other = child.map {
      OtherGeneration(child: $0, generation: generation, isNew: false, probes: [], ended: ended)
    }
    (child, generation, probes, ended) = (new.child, new.generation, new.probes, new.ended)
  }

  private func tellOtherEnd() {
    guard let gone = other, let status = gone.ended else { return }
    if let signal = gone.drains,
      sweep?.stop(of: gone.generation, signal, running: heads) == true
    {
      other?.isOutlived = true
      return
    }
    other = nil
    lastOther = (gone.isOutlived ? nil : gone.child, gone.generation)
    handle(.other(.ended(ChildEnd(status))))
  }

  /// Whose report it is.
  private func event(of message: NotifyMessage, from head: ProcessID?) -> Event {
    guard let other, let head, let generations,
      generations.generation(of: head.rawValue) == other.generation
    else { return .reported(message) }
    return .other(.reported(message))
  }

  // MARK: - What the last child left behind

  private func killRest() {
    let last = lastChild
    lastChild = nil
    guard let sweep else { return family.begin(of: last?.0) }
    if let (child, generation) = last { sweep.begin(of: child, generation, running: heads) }
  }
}
