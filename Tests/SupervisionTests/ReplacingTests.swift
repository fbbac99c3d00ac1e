import Supervision
import Testing

@Suite("--on-reload replace") struct ReplacingTests {
  static let policy = Policy(
    checks: [.plain(rise: 2)], watchdog: .seconds(30), onReload: .replace, drain: .seconds(20))

  /// Ready, by the check's own rise.
  static func ready(_ policy: Policy = policy) -> World {
    var world = World(policy)
    world.start()
    report(&world) { .reported($0) }
    for _ in 0..<40 where world.readies == 0 { pass(&world) }
    return world
  }

  /// Lets what is probed pass, or what is due be probed.
  static func pass(_ world: inout World, other: Bool = false) {
    let probing = other ? world.other.probing : world.probing
    if probing.isEmpty { world.sleep() }
    for id in probing.keys.sorted() {
      world.advance(.milliseconds(2))
      let verdict = ProbeVerdict.passed("200")
      world.send(other ? .other(.probeEnded(id, verdict)) : .probeEnded(id, verdict))
    }
  }

  /// Lets those speak who are to report.
  static func report(_ world: inout World, _ event: (NotifyMessage) -> Event) {
    for check in world.policy.checks {
      if case .component(let name) = check.reporter {
        world.send(event(.saying { ($0.component, $0.watchdog) = (name, .alive) }))
      } else if check.reporter != nil {
        world.send(event(.saying { $0.ready = true }))
      }
    }
  }

  /// With generation 2 running and being judged.
  static func judging(_ policy: Policy = policy) -> World {
    var world = ready(policy)
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.other(.started))
    return world
  }

  @Test("RELOADING=1, a second generation, READY=1 when it passes, and then the old one's stop")
  func sequence() throws {
    var world = Self.ready()
    world.send(.reloadAsked(7))
    let told = try #require(world.sent.first)
    #expect(told.reloading == world.now)
    #expect(world.effects.contains(.other(.start(generation: 2))))
    world.send(.other(.started))
    #expect(world.effects.contains(.other(.probe(0, timeout: .seconds(5)))))
    world.send(.other(.probeEnded(0, .passed("200"))))
    #expect(world.sent.allSatisfy { !$0.ready }, "its rise is two")
    #expect(
      world.notifications.last?.status?.hasPrefix("reloading: generation 2: http /: 200 in") == true
    )
    #expect(world.notifications.last?.status?.contains("; ready; http /: 200 in") == true)
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    let effects = world.effects
    let swap = try #require(effects.firstIndex(of: .other(.swap)))
    let ready = try #require(
      effects.firstIndex { if case .notify(let told) = $0 { told.ready } else { false } })
    let stop = try #require(effects.firstIndex(of: .other(.stop(.terminate))))
    #expect(swap < ready && ready < stop)
    #expect(world.other.answers == [7: .done])
    #expect(world.notifications.last?.status?.hasSuffix("; generation 1 ends") == true)
    world.send(.other(.ended(.exited(0))))
    #expect(world.effects.contains(.other(.killRest)))
    #expect(world.exit == nil)
    #expect(world.violations == [])
  }

  @Test("the old one has --drain to finish, and is killed then")
  func drain() {
    var world = Self.judging()
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    world.advance(.seconds(19))
    world.send(.clock)
    #expect(world.other.kills == 0)
    world.advance(.seconds(1))
    world.send(.clock)
    #expect(world.other.kills == 1)
    world.advance(.seconds(60))
    world.send(.clock)
    #expect(world.other.kills == 1)
    #expect(world.violations == [])
  }

  @Test(
    "drain is as long as --stop-timeout where it is not given, or 10 s",
    arguments: [(Duration?.none, 10), (.seconds(4), 4)])
  func drainDefault(stopTimeout: Duration?, seconds: Int) {
    var policy = Self.policy
    (policy.drain, policy.stopTimeout) = (nil, stopTimeout)
    var world = Self.judging(policy)
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    world.advance(.seconds(seconds) - .milliseconds(1))
    world.send(.clock)
    #expect(world.other.kills == 0)
    world.advance(.milliseconds(1))
    world.send(.clock)
    #expect(world.other.kills == 1)
  }

  @Test("the watchdog is fed by the old one until the new one passes")
  func watchdog() {
    var world = Self.judging()
    let before = world.notifications.count
    for _ in 0..<6 {
      world.advance(.seconds(5))
      Self.pass(&world)
    }
    let feeds = world.notifications[before...].count { $0.watchdog == .feed }
    #expect(feeds >= 2)
    // Nothing of the new one's feeds it.
    for _ in 0..<3 { world.send(.probeEnded(0, .failed("500"))) }
    let fed = world.notifications.count { $0.watchdog == .feed }
    world.advance(.seconds(9))
    world.send(.other(.probeEnded(0, .passed("200"))))
    #expect(world.notifications.count { $0.watchdog == .feed } == fed)
    #expect(world.violations == [])
  }

  @Test("a new one that ends, stops or cannot be started is given up, and the old one goes on")
  func rollback() throws {
    let ends: [(OtherEvent, String)] = [
      (.ended(.exited(3)), "generation 2: it exited with status 3"),
      (.ended(.signaled(.terminate)), "generation 2: it was killed by SIGTERM"),
    ]
    for (event, reason) in ends {
      var world = Self.judging()
      world.send(.reloadAsked(1))
      world.send(.other(event))
      #expect(world.sent.contains { $0.ready })
      #expect(world.notifications.contains { $0.status?.contains(reason) == true })
      #expect(world.stopsToChild == [])
      // The one who asked meanwhile waits for the one that follows.
      #expect(world.effects.contains(.other(.start(generation: 3))))
      #expect(world.violations == [])
    }
    var world = Self.ready()
    world.send(.reloadAsked(1))
    world.send(.other(.notStarted("cannot run /x: No such file or directory")))
    #expect(world.sent.last?.ready == true)
    let reason = "generation 2: cannot run /x: No such file or directory"
    #expect(world.other.answers == [1: .failed(reason)])
    #expect(world.notifications.last?.status?.hasSuffix("reload failed: \(reason)") == true)
    #expect(world.stopsToChild == [])
    #expect(world.violations == [])
  }

  @Test("a new one that is not healthy in time is stopped, and a later reload can succeed")
  func tooLate() {
    var world = Self.ready()
    world.send(.reloadAsked(1))
    world.send(.other(.started))
    let began = world.now
    while world.now < began + .seconds(60) {
      if world.other.probing.isEmpty && world.probing.isEmpty { world.sleep() }
      if !world.probing.isEmpty { Self.pass(&world) }
      if !world.other.probing.isEmpty { world.send(.other(.probeEnded(0, .failed("503")))) }
    }
    #expect(world.now == began + .seconds(60))
    #expect(world.other.stops == [.terminate])
    #expect(
      world.other.answers
        == [1: .failed("generation 2: not healthy within 1 min: http /: 503")])
    world.send(.reloadAsked(2))
    #expect(!world.effects.contains(.other(.start(generation: 3))), "one beside is enough")
    world.send(.other(.ended(.signaled(.terminate))))
    #expect(world.effects.contains(.other(.start(generation: 3))))
    world.send(.other(.started))
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    #expect(world.other.answers[2] == .done)
    #expect(world.notifications.last?.status?.contains("failed") == false)
    #expect(world.violations == [])
  }

  @Test("a new one that does not heed its stop signal is killed")
  func withdrawn() {
    var policy = Self.policy
    (policy.startTimeout, policy.stopTimeout) = (.seconds(8), .seconds(3))
    var world = Self.judging(policy)
    world.send(.other(.probeEnded(0, .failed("503"))))
    world.advance(.seconds(8))
    world.send(.clock)
    #expect(world.other.stops == [.terminate])
    world.advance(.seconds(3))
    world.send(.clock)
    #expect(world.other.kills == 1)
    #expect(world.violations == [])
  }

  @Test("any number of reloads meanwhile come to one more, each with its own verdict")
  func coalesced() {
    var world = Self.ready()
    world.send(.reloadAsked(1))
    world.send(.other(.started))
    for ticket in 2...5 { world.send(.reloadAsked(ticket)) }
    world.send(.reload(.hangup, .vouchAlone))
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    #expect(world.other.answers == [1: .done])
    world.send(.other(.ended(.exited(0))))
    #expect(world.effects.contains(.other(.start(generation: 3))))
    world.send(.other(.notStarted("no memory")))
    #expect(world.other.answers.count == 5)
    #expect(world.other.answers[5] == .failed("generation 3: no memory"))
    world.advance(.seconds(1))
    world.send(.clock)
    #expect(!world.other.isJudged, "no third")
    #expect(world.violations == [])
  }

  @Test(
    "a stop during a reload ends both with one signal each",
    arguments: [Reach.vouchAlone, .childToo, .unknown])
  func stop(reach: Reach) {
    var world = Self.judging()
    world.send(.stop(.terminate, reach))
    if reach == .unknown {
      #expect(world.other.stops == [])
      world.send(.reachKnown(.vouchAlone))
    }
    let stops: [NamedSignal] = reach == .childToo ? [] : [.terminate]
    #expect(world.stopsToChild == stops)
    #expect(world.other.stops == stops)
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == stops)
    #expect(world.other.stops == stops)
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == nil, "the other one runs yet")
    world.send(.other(.ended(.exited(9))))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("a stop while the old one finishes does not disturb it a second time")
  func stopWhileDraining() {
    var world = Self.judging()
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    #expect(world.other.stops == [.terminate])
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.other.stops == [.terminate])
    #expect(world.stopsToChild == [.terminate])
    world.send(.other(.ended(.exited(0))))
    #expect(world.exit == nil)
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("a stop while the new one is being started waits for it, and stops it")
  func stopWhileLaunching() {
    var world = Self.ready()
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.stop(.terminate, .vouchAlone))
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == nil)
    world.send(.other(.started))
    #expect(world.other.stops == [.terminate])
    world.send(.other(.ended(.exited(0))))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("where the old one ends meanwhile, the new one takes its place if it passes")
  func bereftAndPromoted() {
    var world = Self.judging()
    world.send(.childEnded(.exited(4)))
    #expect(world.exit == nil)
    for _ in 0..<10 where !world.childRuns { Self.pass(&world, other: true) }
    #expect(world.effects.contains(.other(.swap)))
    #expect(world.sent.contains { $0.ready })
    #expect(!world.other.runsNow)
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.effects.contains(.other(.start(generation: 3))))
    #expect(world.violations == [])
  }

  @Test("where the old one ends meanwhile and the new one fails, the service ends as it would have")
  func bereftAndFailed() {
    var world = Self.judging()
    world.send(.childEnded(.exited(4)))
    world.send(.other(.ended(.exited(1))))
    #expect(world.exit == .like(.exited(4)))
    #expect(world.violations == [])

    world = Self.judging()
    world.send(.childEnded(.exited(4)))
    world.advance(.seconds(60))
    world.send(.clock)
    #expect(world.other.stops == [.terminate])
    world.send(.other(.ended(.signaled(.terminate))))
    #expect(world.exit == .like(.exited(4)))
    #expect(world.violations == [])
  }

  @Test("where the new one ends soon after its promotion, the old one is not waited for")
  func newOneDies() {
    var world = Self.judging()
    for _ in 0..<10 where world.other.hasServed == false { Self.pass(&world, other: true) }
    world.send(.childEnded(.exited(5)))
    #expect(world.effects.contains(.other(.kill)))
    world.send(.other(.ended(.signaled(NamedSignal(number: 9, name: "SIGKILL")))))
    #expect(world.exit == .like(.exited(5)))
    #expect(world.violations == [])
  }

  @Test("--on-unhealthy restart leaves a failing child to its replacement, and acts if that fails")
  func restart() {
    var policy = Self.policy
    policy.onUnhealthy = .restart
    var world = Self.judging(policy)
    for _ in 0..<8 {
      while world.probing.isEmpty { world.sleep() }
      world.send(.probeEnded(0, .failed("500")))
    }
    #expect(world.stopsToChild == [])
    world.send(.other(.ended(.exited(1))))
    while world.probing.isEmpty { world.sleep() }
    world.send(.probeEnded(0, .failed("500")))
    #expect(world.stopsToChild == [.terminate])
    #expect(world.violations == [])
  }

  @Test("a reload of a child that is being restarted follows once it is healthy")
  func whileHealing() {
    var policy = Self.policy
    policy.onUnhealthy = .restart
    policy.checks = [.plain(fall: 1)]
    var world = Self.ready(policy)
    while world.probing.isEmpty { world.sleep() }
    world.send(.probeEnded(0, .failed("500")))
    world.send(.reloadAsked(1))
    #expect(world.sent.first?.reloading != nil)
    world.send(.childEnded(.exited(0)))
    while !world.isLaunching { world.sleep() }
    world.send(.childStarted)
    Self.pass(&world)
    #expect(world.effects.contains(.other(.start(generation: 3))))
    #expect(world.violations == [])
  }

  @Test(
    "a reload of a child that was restarted while it reloaded by itself is one, with one READY=1")
  func whileHealingOwnReload() {
    let policy = Policy(
      checks: [.program(fall: 1), .component("worker", fall: 1, gates: .watchdog)],
      watchdog: .seconds(60), onUnhealthy: .restart, onReload: .replace)
    var world = Self.ready(policy)
    world.send(.reported(.saying { $0.reloading = true }))
    for _ in 0..<5 where !world.isRestarting { world.sleep() }
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.childEnded(.exited(0)))
    for _ in 0..<5 where !world.isLaunching { world.sleep() }
    let readies = world.notifications.count { $0.ready }
    world.send(.childStarted)
    Self.report(&world) { .reported($0) }
    #expect(world.effects.contains(.other(.start(generation: 3))))
    #expect(world.notifications.count { $0.ready } == readies, "systemd waits for the replacement")
    #expect(world.violations == [])
  }

  @Test("a READY=1 that systemd does not take is offered again, whatever the checks say")
  func owed() throws {
    var world = Self.judging()
    world.send(.other(.ended(.exited(1))))
    let ready = try #require(world.sent.first { $0.ready })
    world.send(.undelivered(ready, reason: "full"))
    while world.probing.isEmpty { world.sleep() }
    world.send(.probeEnded(0, .failed("500")))
    for _ in 0..<5 where !world.sent.contains(where: { $0.ready }) { world.sleep() }
    #expect(world.notifications.count { $0.ready } == 3)
    #expect(world.violations == [])
  }

  @Test("a forwarded reload answers those who wait when it is ready again")
  func forwarded() {
    var world = Self.ready(Policy(checks: [.plain()]))
    world.send(.reloadAsked(3))
    #expect(world.effects.contains(.signalChild(.hangup)))
    #expect(world.other.answers == [:])
    Self.pass(&world)
    #expect(world.other.answers == [3: .done])
    world.send(.reloadAsked(4))
    world.advance(.seconds(60))
    world.send(.clock)
    guard case .failed(let reason) = world.other.answers[4] else {
      Issue.record("no failure: \(world.other.answers)")
      return
    }
    #expect(reason.hasPrefix("not healthy within 1 min"))
  }

  /// Where a reload may be when the next thing happens.
  static func beginnings(_ policy: Policy) -> [World] {
    var launching = ready(policy)
    launching.send(.reload(.hangup, .vouchAlone))
    let judged = judging(policy)
    var swapped = judged
    report(&swapped) { .other(.reported($0)) }
    for _ in 0..<10 where !swapped.other.hasServed { pass(&swapped, other: true) }
    return [ready(policy), launching, judged, swapped]
  }

  static let replacing: [(String, Policy)] = [
    (
      "a check that replaces",
      Policy(
        checks: [.plain()], watchdog: .seconds(30), stopTimeout: .seconds(3), onReload: .replace)
    ),
    (
      "a rise of two that replaces and restarts, with a stop signal of its own",
      Policy(
        checks: [.plain(fall: 1, rise: 2)], watchdog: .seconds(60), startTimeout: .seconds(20),
        onUnhealthy: .restart, stopSignal: .quit, onReload: .replace, drain: .seconds(5))
    ),
    (
      "no check that replaces", Policy(checks: [], watchdog: .seconds(30), onReload: .replace)
    ),
    (
      "the program's own protocol and a heartbeat that replace",
      Policy(
        checks: [.program(fall: 1), .component("worker", fall: 1, gates: .watchdog)],
        watchdog: .seconds(60), onUnhealthy: .restart, onReload: .replace)
    ),
    (
      "two checks that replace, and trigger",
      Policy(
        checks: [.plain("a", gates: .ready), .plain("b", fall: 1, gates: .watchdog)],
        watchdog: .seconds(30), onUnhealthy: .trigger, onReload: .replace)
    ),
  ]

  @Test("long random sequences keep the invariants", arguments: replacing.indices)
  func longSequences(policy: Int) { EverySequenceTests.walkFar(Self.replacing[policy]) }

  @Test(
    "every sequence of up to four events around a reload keeps the invariants",
    arguments: replacing.indices)
  func everySequence(policy: Int) {
    for beginning in Self.beginnings(Self.replacing[policy].1) {
      var walked = 0
      _ = EverySequenceTests.walk(beginning, depth: 4) { world in
        walked += 1
        #expect(world.violations == [], "\(Self.replacing[policy].0)")
        return world.violations.isEmpty
      }
      #expect(walked > 5_000)
    }
  }

  @Test("from everywhere in a reload a stop ends both, each with one signal, and then vouch")
  func everyStop() {
    for (name, policy) in Self.replacing {
      for beginning in Self.beginnings(policy) {
        _ = EverySequenceTests.walk(beginning, depth: 2) { world in
          guard world.exit == nil, !world.hasStopped, world.stopsToChild.isEmpty else {
            return true
          }
          var stopped = world
          stopped.send(.stop(.terminate, .unknown))
          if stopped.isAsking { stopped.send(.reachKnown(.vouchAlone)) }
          if stopped.other.isLaunching { stopped.send(.other(.started)) }
          stopped.send(.stop(.terminate, .vouchAlone))
          if stopped.other.runsNow, stopped.other.kills == 0, !stopped.isRestarting {
            #expect(stopped.other.stops == [policy.stopSignal ?? .terminate], "\(name)")
          }
          if stopped.childRuns { stopped.send(.childEnded(.exited(0))) }
          if stopped.other.runsNow { stopped.send(.other(.ended(.exited(0)))) }
          if stopped.isLaunching { stopped.send(.childStarted) }
          if stopped.childRuns { stopped.send(.childEnded(.exited(0))) }
          #expect(stopped.exit != nil, "\(name): \(stopped.trace)")
          #expect(stopped.violations == [], "\(name)")
          return stopped.exit != nil && stopped.violations.isEmpty
        }
      }
    }
  }
}
