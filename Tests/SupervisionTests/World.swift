import Supervision
import Testing

/// A world for Supervision to act in, which refuses what must never be done. It keeps its own
/// books, from the events and effects alone, so that a mistake in Supervision's books shows.
struct World {
  private(set) var supervision: Supervision
  private(set) var now = Moment(sinceOrigin: .seconds(1000))
  private(set) var effects: [Effect] = []
  private(set) var violations: [String] = []
  private(set) var trace: [Event] = []

  // What has been seen.
  private(set) var probing: [CheckID: Moment] = [:]
  private var runs: [CheckID: (passes: Int, failures: Int)] = [:]
  private var lastPass: [CheckID: Moment] = [:]
  private var everPassed: Set<CheckID> = []
  private(set) var readies = 0
  private var readyExpected = true
  private var reloads = 0
  private var lastFeed: Moment?
  private var feedBefore: Moment?
  private(set) var stopsToChild: [NamedSignal] = []
  private(set) var hasStopped = false
  /// The child that serves has said that it stops, while another is on its way.
  private(set) var saidStopping = false
  private(set) var isAsking = false
  private(set) var exit: Exit?
  private(set) var childRuns = false
  /// Supervision asked for the child to be started again.
  private(set) var isLaunching = false
  /// The child had a stop signal that nobody but Supervision wanted.
  private(set) var isRestarting = false
  private(set) var restarts = 0
  private(set) var actions = 0
  private(set) var looks = 0
  private(set) var looked = 0
  private var childSince: Moment?
  /// What the probes in flight have lost of their time.
  private var lost: [CheckID: Duration] = [:]
  /// What the program last said of itself, and when a passive check was last heard of, and how often it
  /// has said since its last pass that it fails.
  private var saidReady = false
  private var saidReloading = false
  private var heard: [CheckID: Moment] = [:]
  private var complaints: [CheckID: Int] = [:]
  private(set) var kills = 0
  /// The generation beside the one that serves.
  private(set) var other = OtherBooks()
  /// How many second generations were asked for, and how many had been when each ticket came.
  private(set) var secondStarts = 0
  private var startsBefore: [ReloadTicket: Int] = [:]
  /// The look that was asked for, and whether the child's family is stopped for it.
  private(set) var isLooking = false
  private(set) var isHeld = false
  /// Since when, to the best of Supervision's knowledge, nobody has used the child.
  private var quietSince: Moment?
  private(set) var isIdleStop = false
  private var mayStopIdle = false
  /// A reload is asked for while a restarted child has not been found healthy: it may be restarted again.
  private var mayHurry = false
  private(set) var notifications: [Notification] = []
  private(set) var logs: [String] = []

  /// 4096 bytes of a datagram, less what may stand beside STATUS.
  private static let statusLimit = 3900

  var policy: Policy { supervision.policy }

  /// The datagrams of the last event.
  var sent: [Notification] {
    effects.compactMap { if case .notify(let notification) = $0 { notification } else { nil } }
  }

  init(_ policy: Policy) { supervision = Supervision(policy) }

  mutating func advance(_ time: Duration) { now = now + time }

  /// Lets time pass up to the next thing that waits for it.
  mutating func sleep() {
    guard let wake = supervision.wakeAt else { return }
    now = max(now, wake)
    send(.clock)
  }

  mutating func start() {
    bornAt = now
    send(.childStarted)
  }

  /// When the service came up, and how long it is to stay.
  private var bornAt: Moment?
  var leastLife: Duration { toldLeastLife ?? policy.leastLife }
  var toldLeastLife: Duration?

  /// Exchanges what is known of the two generations.
  private mutating func swapBooks() {
    swap(&probing, &other.probing)
    swap(&runs, &other.runs)
    swap(&lastPass, &other.lastPass)
    swap(&everPassed, &other.everPassed)
    swap(&stopsToChild, &other.stops)
    swap(&childRuns, &other.runsNow)
    swap(&childSince, &other.since)
    swap(&lost, &other.lost)
    swap(&saidReady, &other.saidReady)
    swap(&saidReloading, &other.saidReloading)
    swap(&heard, &other.heard)
    swap(&complaints, &other.complaints)
    swap(&saidStopping, &other.saidStopping)
  }

  mutating func send(_ event: Event) {
    mayStopIdle = false
    mayHurry = !isHealed && isReplacement(event)
    note(event)
    trace.append(event)
    let ended = exit != nil
    effects = supervision.handle(event, at: now)
    if ended, !effects.isEmpty { violate("something was done after the end: \(effects)") }
    for effect in effects { carryOut(effect) }
    if isHeld, !isLooking, exit == nil { violate("the child is held for nothing") }
  }

  private mutating func note(_ event: Event) {
    switch event {
    case .childStarted:
      childRuns = true
      childSince = now
      isLaunching = false
      isRestarting = false
      stopsToChild = []
      // A new child has proved nothing.
      runs = [:]
      lastPass = [:]
      everPassed = []
      (saidReady, saidReloading) = (false, false)
      heard = [:]
      complaints = [:]
    case .reported(let message): note(message)
    case .looked: looked = min(looks, looked + 1)
    case .arrived: quietSince = nil
    case .useSeen(let use):
      isLooking = false
      quietSince = use == .quiet ? quietSince ?? now : nil
      mayStopIdle = isHeld && use == .quiet
    case .childNotStarted: isLaunching = false
    case .other(let event): noteOther(event)
    case .reloadAsked(let ticket):
      other.asked.insert(ticket)
      startsBefore[ticket] = secondStarts
    case .childEnded:
      childRuns = false
      isHeld = false
    case .probeEnded(let id, let outcome):
      let began = probing.removeValue(forKey: id)
      noteResult(id, outcome, took: began.map { now - $0 } ?? .zero)
    case .probeDelayed(let id, let time): lost[id, default: .zero] += time
    case .stop: hasStopped = true
    case .reachKnown: isAsking = false
    case .undelivered(let notification, _):
      // It never reached systemd: as if it had not been sent.
      if notification.ready {
        readies -= 1
        readyExpected = true
      }
      if notification.watchdog == .feed { lastFeed = feedBefore }
    case .reload where policy.onReload == .replace: other.wanted = true
    case .reload where !hasStopped && readies > 0:
      reloads += 1
      readyExpected = true
      forgetPasses()
    default: break
    }
  }

  private mutating func forgetPasses() {
    for id in policy.checks.indices {
      // It says READY=1 once and for good.
      if policy.checks[id].reporter == .program(keptAlive: false), saidReady { continue }
      runs[id] = (0, 0)
    }
  }

  private mutating func note(_ message: NotifyMessage) {
    guard childRuns, !hasStopped, !isRestarting, !saidStopping else { return }
    if message.component == nil {
      if message.stopping {
        if other.isJudged { saidStopping = true } else { hasStopped = true }
        return
      }
      if message.ready {
        (saidReady, saidReloading) = (true, false)
      } else if message.reloading {
        (saidReady, saidReloading) = (false, true)
        if readies > 0, !readyExpected, isHealed {
          readyExpected = true
          forgetPasses()
        }
      }
    }
    for (id, check) in policy.checks.enumerated() {
      let passes: Int
      switch check.reporter {
      case .component(let name) where message.component == name:
        passes = message.failed == nil && message.watchdog != .trigger ? 1 : 0
      case .program(let keptAlive) where message.component == nil:
        let isAlive = message.watchdog == .alive && keptAlive && (saidReady || saidReloading)
        passes = message.watchdog == .trigger ? 0 : message.ready ? check.rise : isAlive ? 1 : 0
        if passes == 0, message.watchdog != .trigger { continue }
      default: continue
      }
      let failures = passiveFailures(id)
      heard[id] = now
      if passes > 0 {
        runs[id] = ((runs[id]?.passes ?? 0) + passes, 0)
        lastPass[id] = now
        everPassed.insert(id)
        complaints[id] = 0
      } else {
        runs[id] = (0, 0)
        complaints[id] = failures + (message.watchdog == .trigger ? check.fall : 1)
      }
    }
  }

  /// Whether the child that runs is the first, or has been found healthy after its restart.
  private var isHealed: Bool {
    restarts == 0
      || logs.last { $0.hasPrefix("healthy again") || $0.hasPrefix("restarting") }?
        .hasPrefix("healthy") == true
  }

  /// How often a passive check can have failed by now: each complaint, the first missed interval, and
  /// each third of it since.
  private func passiveFailures(_ id: CheckID) -> Int {
    let check = policy.checks[id]
    guard check.reporter != nil, everPassed.contains(id), let heard = heard[id] else { return 0 }
    let complained = complaints[id] ?? 0
    let silence = now - heard - (complained > 0 ? check.interval / 3 : check.interval)
    let missed = silence < .zero ? 0 : 1 + Int(silence / (check.interval / 3))
    return complained + missed
  }

  private mutating func noteResult(_ id: CheckID, _ outcome: ProbeVerdict, took: Duration) {
    let lost = self.lost.removeValue(forKey: id) ?? .zero
    var run = runs[id] ?? (0, 0)
    switch outcome {
    case .passed:
      // Too late to say anything of now.
      if took - lost > policy.checks[id].timeout + .milliseconds(50) { return }
      run = (run.passes + 1, 0)
      lastPass[id] = now
      everPassed.insert(id)
    case .failed, .timedOut: run = (0, everPassed.contains(id) ? run.failures + 1 : 0)
    case .stale, .inconclusive: break
    }
    runs[id] = run
  }

  private mutating func carryOut(_ effect: Effect) {
    if exit != nil { violate("an effect after exit: \(effect)") }
    switch effect {
    case .probe(let id, let timeout):
      if probing[id] != nil { violate("two probes of one check at once") }
      if policy.checks[id].reporter != nil { violate("a passive check was probed") }
      if !childRuns || hasStopped || isRestarting || saidStopping {
        violate("a probe without a serving child")
      }
      if timeout != policy.checks[id].timeout { violate("a probe with another timeout") }
      probing[id] = now
      lost[id] = nil
    case .cancelProbes: probing = [:]
    case .notify(let notification): take(notification)
    case .signalChild(let signal):
      if !childRuns { violate("a signal to a child that is gone") }
      if [2, 3, 6, 15].contains(signal.number) { stopsToChild.append(signal) }
    case .stopChild(let signal):
      if !childRuns { violate("a stop for a child that is gone") }
      stopsToChild.append(signal)
      if stopsToChild.count(where: { $0 == signal }) > 1 { violate("\(signal) twice") }
      if isHeld, mayStopIdle { noteIdleStop() }
      isHeld = false
      if !hasStopped && !isStartTimeOver {
        noteRestart()
        if other.isJudged { violate("restarted while its replacement is on its way") }
      }
    case .killChild:
      if !hasStopped && !isStartTimeOver && !isRestarting { violate("killed without a stop") }
      isHeld = false
      kills += 1
    case .killRest:
      if childRuns { violate("the rest was killed beside the child") }
    case .startChild:
      if childRuns || isLaunching { violate("a second child") }
      if hasStopped { violate("a child started while stopping") }
      if !isRestarting { violate("started again without a restart") }
      isLaunching = true
    case .seeUse(let held):
      if policy.exitIdle == nil { violate("a look unasked") }
      if isLooking { violate("two looks at once") }
      if !childRuns || readies == 0 || hasStopped || isRestarting {
        violate("a look at no service")
      }
      isLooking = true
      isHeld = held
    case .letGo:
      isHeld = false
      isLooking = false
    case .runAction:
      if policy.onUnhealthy != .command { violate("a command was run unasked") }
      if !hasFallen { violate("a command before fall failures in a row") }
      actions += 1
    case .look:
      if !policy.hasPassedSockets { violate("a look where there is nothing to see") }
      if !childRuns || hasStopped || readies > 0 {
        violate("a look at a child that is not starting")
      }
      looks += 1
    case .other(let effect): carryOutOther(effect)
    case .answer(let tickets, let verdict):
      for ticket in tickets {
        if other.asked.remove(ticket) == nil { violate("an answer to nobody") }
        other.answers[ticket] = verdict
        if verdict == .done, policy.onReload == .replace,
          secondStarts <= startsBefore[ticket] ?? 0
        {
          violate("a reload was done by a generation that was started before it was asked for")
        }
      }
    case .askReach:
      if isAsking { violate("asked twice at once") }
      isAsking = true
    case .log(_, let text): logs.append(text)
    case .exit(let exit):
      if childRuns || other.runsNow { violate("ended before the child") }
      if isLaunching || other.isLaunching { violate("ended while a child was being started") }
      if isIdleStop != (exit == .idle) { violate("the end of an idle stop") }
      self.exit = exit
    }
  }

  private mutating func noteIdleStop() {
    hasStopped = true
    isIdleStop = true
    guard let limit = policy.exitIdle, let quietSince, now - quietSince >= limit else {
      return violate("stopped though it was not idle for long enough")
    }
    if let bornAt, now - bornAt < leastLife { violate("ended before its least life was over") }
    for (id, check) in policy.checks.enumerated()
    where check.gates != .none && (runs[id]?.passes ?? 0) == 0 && check.reporter == nil {
      violate("stopped for being idle while \(check.name) fails")
    }
  }

  private var isStartTimeOver: Bool { policy.startTimeout != nil && readies == 0 }

  private var hasFallen: Bool {
    policy.checks.indices.contains {
      policy.checks[$0].gates.contains(.watchdog)
        && max(runs[$0]?.failures ?? 0, passiveFailures($0)) >= policy.checks[$0].fall
    }
  }

  private func isReplacement(_ event: Event) -> Bool {
    if policy.onReload != .replace { return false }
    return switch event {
    case .reload, .reloadAsked: true
    default: false
    }
  }

  private mutating func noteRestart() {
    if policy.onUnhealthy != .restart { violate("restarted unasked") }
    let isOverdue = childSince.map { now - $0 >= policy.startTimeout ?? .seconds(90) } ?? false
    if !hasFallen, !mayHurry, restarts == 0 || !isOverdue {
      violate("restarted before fall failures in a row")
    }
    isRestarting = true
    restarts += 1
  }

  private mutating func take(_ notification: Notification) {
    notifications.append(notification)
    // What a look has found is told of a child that has ended, once and alone.
    let isLastWord = policy.hasPassedSockets && readies == 0 && notification.isStatusAlone
    if notification.stopping { hasStopped = true }
    if notification.reloading != nil, policy.onReload == .replace {
      if hasStopped { violate("RELOADING=1 while stopping") }
      readyExpected = true
      other.hasSwapped = false
      reloads += 1
    }
    if !childRuns, !isRestarting, !isLastWord, policy.onReload != .replace {
      violate("systemd was told something after the child's end")
    }
    if notification.status == nil || notification.status == "" { violate("no STATUS") }
    if (notification.status ?? "").utf8.count > Self.statusLimit { violate("long STATUS") }
    if notification.ready { takeReady() }
    if notification.watchdog != nil { takeWatchdog(notification) }
  }

  private mutating func takeReady() {
    if hasStopped { violate("READY=1 while stopping") }
    if !readyExpected { violate("READY=1 twice") }
    readyExpected = false
    readies += 1
    if readies > 1, policy.onReload == .replace {
      if other.isJudged { violate("READY=1 before the new one passed or is stopped") }
      if !other.hasSwapped { return }
      other.hasSwapped = false
    }
    for (id, check) in policy.checks.enumerated() where check.gates.contains(.ready) {
      if (runs[id]?.passes ?? 0) < check.rise { violate("READY=1 before \(check.name) passed") }
      if case .program = check.reporter, !saidReady { violate("READY=1 before the program's own") }
    }
  }

  private mutating func takeWatchdog(_ notification: Notification) {
    if readies == 0 { violate("WATCHDOG before READY=1") }
    if hasStopped || isRestarting { violate("WATCHDOG while stopping") }
    if !childRuns || saidStopping { violate("WATCHDOG while none serves") }
    switch notification.watchdog {
    case .feed:
      if let lastFeed, let watchdog = policy.watchdog, now - lastFeed < watchdog / 4 {
        violate("WATCHDOG=1 more than once in a quarter of the period")
      }
      feedBefore = lastFeed
      lastFeed = now
      for (id, check) in policy.checks.enumerated() where check.gates.contains(.watchdog) {
        let isPassing = (runs[id]?.passes ?? 0) > 0
        if check.reporter != nil, let last = heard[id], now - last >= check.interval {
          violate("WATCHDOG=1 while \(check.name) is late")
        }
        let isFresh = lastPass[id].map { now - $0 < check.interval + check.timeout } ?? false
        if !isPassing || !isFresh { violate("WATCHDOG=1 without a fresh pass of \(check.name)") }
      }
    case .trigger:
      if policy.onUnhealthy != .trigger { violate("WATCHDOG=trigger unasked") }
      if !hasFallen { violate("WATCHDOG=trigger before fall failures in a row") }
    case nil: break
    }
  }

  // MARK: - The other generation

  private mutating func noteOther(_ event: OtherEvent) {
    switch event {
    case .started:
      let (answers, asked) = (other.answers, other.asked)
      let (wanted, swapped) = (other.wanted, other.hasSwapped)
      other = OtherBooks()
      (other.answers, other.asked) = (answers, asked)
      (other.wanted, other.hasSwapped) = (wanted, swapped)
      other.runsNow = true
      other.since = now
    case .notStarted: other.isLaunching = false
    case .ended: other.runsNow = false
    case .probeEnded(let id, let verdict):
      swapBooks()
      note(.probeEnded(id, verdict))
      swapBooks()
    case .probeDelayed(let id, let time): other.lost[id, default: .zero] += time
    case .reported(let message):
      guard other.isJudged else { return }
      swapBooks()
      note(message)
      swapBooks()
    case .listening: break
    }
  }

  private mutating func carryOutOther(_ effect: OtherEffect) {
    if policy.onReload != .replace { violate("a second generation unasked") }
    switch effect {
    case .start:
      if other.runsNow || other.isLaunching { violate("a third child") }
      if hasStopped { violate("a child started while stopping") }
      if !childRuns || isRestarting || readies == 0 { violate("a second child beside none") }
      if !other.wanted && other.asked.isEmpty { violate("a second generation without a reload") }
      if !readyExpected { violate("a second generation without RELOADING=1") }
      other.wanted = false
      other.isLaunching = true
      secondStarts += 1
      other.hasServed = false
    case .probe(let id, let timeout):
      if !other.isJudged || !other.runsNow || hasStopped { violate("the wrong one was probed") }
      if other.probing[id] != nil { violate("two probes of one check at once") }
      if policy.checks[id].reporter != nil { violate("a passive check was probed") }
      if timeout != policy.checks[id].timeout { violate("a probe with another timeout") }
      other.probing[id] = now
      other.lost[id] = nil
    case .cancelProbes: other.probing = [:]
    case .stop(let signal):
      if !other.runsNow { violate("a stop for another that is gone") }
      if other.stops.contains(signal) { violate("\(signal) twice to the other") }
      if other.hasServed, readyExpected, !hasStopped {
        violate("the old one is stopped before READY=1")
      }
      other.stops.append(signal)
    case .kill:
      if !other.runsNow { violate("the other was killed when gone") }
      if other.stops.isEmpty, !hasStopped, childRuns, !other.saidStopping {
        violate("the other was killed without a stop")
      }
      other.kills += 1
    case .killRest:
      if other.runsNow { violate("the rest was killed beside the other") }
    case .swap:
      if !other.isJudged || !other.runsNow { violate("the wrong one was promoted") }
      for (id, check) in policy.checks.enumerated() where check.gates.contains(.ready) {
        if (other.runs[id]?.passes ?? 0) < check.rise { violate("promoted before it passed") }
        if case .program = check.reporter, !other.saidReady { violate("promoted unready") }
      }
      if !probing.isEmpty || !other.probing.isEmpty { violate("probes go on over the swap") }
      swapBooks()
      other.hasServed = true
      other.hasSwapped = true
    }
  }

  private mutating func violate(_ what: String) { violations.append("\(what), after \(trace)") }
}

extension Notification {
  fileprivate var isStatusAlone: Bool {
    var alone = Notification()
    alone.status = status
    return self == alone
  }
}

/// What is known of the generation beside the one that serves.
struct OtherBooks {
  var isLaunching = false
  var runsNow = false
  /// Whether it has been replaced.
  var hasServed = false
  var stops: [NamedSignal] = []
  var kills = 0
  var since: Moment?
  var probing: [CheckID: Moment] = [:]
  var runs: [CheckID: (passes: Int, failures: Int)] = [:]
  var lastPass: [CheckID: Moment] = [:]
  var everPassed: Set<CheckID> = []
  var lost: [CheckID: Duration] = [:]
  var saidReady = false
  var saidReloading = false
  var saidStopping = false
  var heard: [CheckID: Moment] = [:]
  var complaints: [CheckID: Int] = [:]
  /// A reload was asked for, and no generation started for it yet.
  var wanted = false
  /// The generations have changed places since the last RELOADING=1.
  var hasSwapped = false
  var asked: Set<ReloadTicket> = []
  var answers: [ReloadTicket: ReloadVerdict] = [:]

  /// A new one is on its way.
  var isJudged: Bool { isLaunching || (runsNow && !hasServed && stops.isEmpty) }
}

extension Check {
  static func plain(
    _ name: String = "http /", interval: Duration = .seconds(10), timeout: Duration = .seconds(5),
    fall: Int = 3, rise: Int = 1, gates: Gates = .both, queue: Bool = false
  ) -> Check {
    Check(
      name: name, interval: interval, timeout: timeout, fall: fall, rise: rise, gates: gates,
      waitsInListenQueue: queue)
  }

  static func component(
    _ name: String, interval: Duration = .seconds(10), fall: Int = 3, rise: Int = 1,
    gates: Gates = .both
  ) -> Check {
    Check(
      name: "heartbeat \(name)", interval: interval, timeout: .zero, fall: fall, rise: rise,
      gates: gates, reporter: .component(name))
  }

  static func program(
    interval: Duration = .seconds(10), fall: Int = 3, gates: Gates = .both, rise: Int = 1
  ) -> Check {
    Check(
      name: "heartbeat notify", interval: interval, timeout: .zero, fall: fall, rise: rise,
      gates: gates, reporter: .program(keptAlive: gates != .ready))
  }
}

extension NamedSignal {
  static let hangup = NamedSignal(number: 1, name: "SIGHUP")
  static let interrupt = NamedSignal(number: 2, name: "SIGINT")
  static let quit = NamedSignal(number: 3, name: "SIGQUIT")
  static let usr1 = NamedSignal(number: 10, name: "SIGUSR1")
}
