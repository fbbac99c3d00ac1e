import Checks
import Glibc
import Launch
import Logging
import NIOCore
import NIOPosix
import Supervision
import Systemd

extension Vouch {
  /// Asks the checks once, or until all pass, prints what came of each and exits: 0 when all passed,
  /// 1 when one failed, 70 when none failed but vouch could not ask one.
  public static func check(_ options: TrialOptions, _ beginning: Beginning) -> Never {
    let line = LineLog(
      level: .info, isPrefixed: LogFormat.auto.isPrefixed(), output: LogOutput())
    let log = Logger(label: "vouch") { _ in line }
    do {
      try check(options, beginning, log)
    } catch {
      refuse(error, log)
    }
  }

  private static func check(
    _ options: TrialOptions, _ beginning: Beginning, _ log: Logger
  ) throws(Refusal) -> Never {
    let plan = try TrialPlan(options, beginning.sockets)
    let commands = ExecRunner(environment: plan.environment, signals: beginning.signals)
    let probes = try CheckPlan.probes(
      plan.specs, listeners: plan.sockets.listeners, commands: commands, kin: nil)
    let inbox: SignalInbox
    do {
      inbox = try SignalInbox(signals: beginning.blocked)
    } catch {
      throw .failure("signals cannot be handled: \(error)")
    }
    MultiThreadedEventLoopGroup.withCurrentThreadAsEventLoop { loop in
      CheckOnce(
        loop: loop, log: log, plan: plan, probes: probes, commands: commands, options: options,
        ignored: beginning.signals.ignored
      ).start(inbox)
    }
    throw .failure("the event loop ended")
  }
}

/// The shell around a Trial: one event loop on the main thread, as Runner has it.
private final class CheckOnce {
  private let loop: EventLoop
  private let log: Logger
  private let specs: [CheckSpec]
  private let probes: [any Probe]
  private let commands: ExecRunner
  private let options: TrialOptions
  /// The signals that vouch was started with ignored: bit N − 1 stands for signal N.
  private let ignored: UInt64
  private var trial: Trial
  private var running: [CheckID: any RunningProbe] = [:]
  private var alarm: Scheduled<Void>?
  private var beganAt = Moment.now

  init(
    loop: EventLoop, log: Logger, plan: TrialPlan, probes: [any Probe], commands: ExecRunner,
    options: TrialOptions, ignored: UInt64
  ) {
    self.loop = loop
    self.log = log
    self.probes = probes
    self.commands = commands
    self.options = options
    self.ignored = ignored
    specs = plan.specs
    trial = plan.trial
  }

  func start(_ inbox: SignalInbox) {
    SignalChannel.open(inbox, on: loop) { [self] batch in
      for received in batch { take(received.signal) }
    }
    .whenFailure { [log] error in
      log.critical("signals cannot be read: \(error)")
      exit(70)
    }
    beganAt = .now
    carryOut(trial.begin(at: beganAt))
  }

  private func carryOut(_ steps: [Trial.Step]) {
    for step in steps {
      switch step {
      case .probe(let id, let timeout): probe(id, timeout)
      case .end: end()
      }
    }
    alarm?.cancel()
    alarm = trial.wakeAt.map { at in
      loop.assumeIsolated().scheduleTask(deadline: at.deadline) { [self] in
        alarm = nil
        carryOut(trial.clock(at: .now))
      }
    }
  }

  private func probe(_ id: CheckID, _ timeout: Duration) {
    running[id] = probes[id].start(on: loop, timeout: TimeAmount(upToAYear: timeout)) {
      [self] outcome in
      running[id] = nil
      carryOut(trial.probeEnded(id, ProbeVerdict(outcome), at: .now))
    }
  }

  // MARK: - Signals

  /// Every signal does what it does to a program that knows none of them; only the commands of checks
  /// end with it.
  private func take(_ signal: Launch.Signal) {
    if signal == .child {
      for (process, status) in Reaper.reapAll() { commands.reaped(process, status) }
      return
    }
    if ignored & (1 << (signal.rawValue - 1)) != 0 { return }
    switch signal.rawValue {
    case SIGTSTP, SIGTTIN, SIGTTOU: raise(SIGSTOP)
    case SIGCONT, SIGURG, SIGWINCH: break
    default:
      for probe in running.values { probe.cancel() }
      endLike(.signaled(signal, coreDumped: false))
    }
  }

  // MARK: - The end

  private func end() -> Never {
    let entries = zip(zip(specs, trial.checks), trial.outcomes).map { pair, outcome in
      (name: pair.1.name, kind: pair.0.kind, outcome: outcome)
    }
    let verdicts = entries.map(\.outcome.verdict)
    let isPassed = verdicts.allSatisfy { $0 == .passed }
    if options.isJSON {
      print(TrialReport.json(entries, isPassed: isPassed, took: .now - beganAt))
    } else {
      let told = options.isQuiet ? entries.filter { $0.outcome.verdict != .passed } : entries
      for line in TrialReport.lines(told) { print(line) }
    }
    // Where nobody reads the lines any more, the exit status still tells the verdict.
    fflush(nil)
    endLike(.exited(isPassed ? 0 : verdicts.contains(.failed) ? 1 : 70))
  }
}
