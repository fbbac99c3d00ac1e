import Checks
import Glibc
import Launch
import Logging
import NIOCore
import NIOPosix
import Supervision
import Systemd

/// What `vouch` does, from the first instruction of the process to its last.
public enum Vouch {
  /// What has to be done before anything else: before a thread exists, a descriptor is opened, or a
  /// signal arrives.
  public struct Beginning {
    let signals: SignalState
    let blocked: UInt64
    let sockets: Result<PassedSockets, SystemdError>

    public init() {
      Heap.useOne()
      try? StandardStreams.fillGaps()
      // While nothing of vouch's own can have a number that LISTEN_FDS names.
      do {
        sockets = .success(try PassedSockets.received())
      } catch {
        sockets = .failure(error)
      }
      signals = SignalState.capture()
      blocked = SignalState.block()
    }
  }

  /// Runs the command and vouches for it; ends as the command ends.
  public static func run(_ options: RunOptions, _ beginning: Beginning) -> Never {
    let output = LogOutput()
    let line = LineLog(
      level: Logger.Level(options.logLevel), isPrefixed: options.logFormat.isPrefixed(),
      output: output)
    let log = Logger(label: "vouch") { _ in line }
    do {
      try run(options, beginning, log)
    } catch {
      refuse(error, log)
    }
  }

  /// Says what is wrong, in one line, and exits with the status for it.
  public static func refuse(_ refusal: Refusal, _ log: Logger) -> Never {
    log.error("\(refusal.message)")
    exit(refusal.exitCode)
  }

  private static func run(
    _ options: RunOptions, _ beginning: Beginning, _ log: Logger
  ) throws(Refusal) -> Never {
    var settled = try Plan(options, beginning.sockets)
    let reports = try settled.openNotifySocket()
    let plan = settled
    let adopt = try AdoptDesk(plan, log)
    let idle = try IdleDesk(plan, log)
    let commands = ExecRunner(environment: plan.environment, signals: beginning.signals)
    let generations =
      plan.policy.onReload == .replace
      ? Generations(sharing: plan.sockets.all.map(\.descriptor)) : nil
    let factory = try CheckPlan.factory(
      listeners: plan.sockets.listeners, commands: commands,
      kin: Kin(
        root: getpid(), bindsLate: { adopt?.isIncomplete ?? false }, generations: generations
      ) {
        log.notice("\($0)")
      }, own: idle?.own)
    func makeProbes(_ generation: Int) throws(Refusal) -> [any Probe] {
      try CheckPlan.probes(
        plan.specs, by: factory, generation: generations == nil ? nil : generation)
    }
    let probes = try makeProbes(1)
    let inbox: SignalInbox
    do {
      inbox = try SignalInbox(signals: beginning.blocked)
      try Reaper.becomeSubreaper()
    } catch {
      throw .failure("signals and orphans cannot be handled: \(error)")
    }
    let notifier = notifier(plan, log)

    for line in plan.listening.news { log.info("\(line)") }

    func launchChild(_ generation: Int, beside: Bool) throws(Refusal) -> Child {
      let recipe = try Recipe(plan, generation: generation)
      for complaint in recipe.complaints { log.warning("\(complaint)") }
      if !beside { plan.listening.renew() }
      let child: Child
      do {
        child = try Child.start(
          recipe, handover: plan.handover, signals: beginning.signals, adopt: adopt,
          beside: beside)
      } catch {
        throw Refusal(message: error.description, exitCode: error.exitCode)
      }
      log.info(
        "started \(String(decoding: plan.command[0], as: UTF8.self)) as process \(child.process)")
      return child
    }
    let child = try launchChild(1, beside: false)
    for notice in plan.notices { log.notice("\(notice)") }

    MultiThreadedEventLoopGroup.withCurrentThreadAsEventLoop { loop in
      Runner(
        loop: loop, log: log, child: child, launch: launchChild, notifier: notifier,
        probes: probes, makeProbes: makeProbes, generations: generations, commands: commands,
        plan: plan, reports: reports, adopt: adopt, socketDesk: SocketDesk(plan, adopt: adopt),
        idle: idle,
        ignored: beginning.signals.ignored
      ).start(inbox)
    }
    // The loop ends with the process, never before it.
    throw .failure("the event loop ended")
  }

  private static func notifier(_ plan: Plan, _ log: Logger) -> Notifier? {
    guard let socket = plan.notifySocket else { return nil }
    do {
      return try Notifier(socket: socket)
    } catch {
      log.warning("\(error)")
      return nil
    }
  }
}
