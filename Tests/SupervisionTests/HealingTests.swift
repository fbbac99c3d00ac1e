import Supervision
import Testing

@Suite struct HealingTests {
  private static let policy = Policy(
    checks: [.plain("http /")], watchdog: .seconds(60), onUnhealthy: .restart)

  /// A world in which the service was ready and has just failed for the third time.
  private func failed(_ policy: Policy = policy) -> World {
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    for _ in 0..<3 { fail(&world) }
    return world
  }

  private func fail(_ world: inout World) {
    if world.probing[0] == nil { world.sleep() }
    world.send(.probeEnded(0, .failed("connect refused")))
  }

  /// Lets the old child end and the new one start.
  private func startAgain(_ world: inout World) {
    world.send(.childEnded(.exited(0)))
    world.sleep()
    #expect(world.isLaunching)
    world.send(.childStarted)
  }

  @Test("after fall failures the child is stopped, started again, and goes on when it passes")
  func sequence() {
    var world = failed()
    #expect(world.stopsToChild == [.terminate])
    #expect(world.probing.isEmpty)
    #expect(
      world.sent.map(\.status)
        == ["restarting (1): 3 failures in a row: http /: connect refused"])
    world.send(.childEnded(.signaled(.terminate)))
    #expect(world.exit == nil, "this end was asked for")
    #expect(world.effects.contains(.killRest), "old workers do not serve beside new ones")
    world.sleep()
    #expect(world.effects.contains(.startChild))
    world.send(.childStarted)
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))), "at once")
    let fed = world.notifications.count { $0.watchdog == .feed }
    world.send(.probeEnded(0, .failed("connect refused")))
    #expect(world.sent.map(\.status) == ["restarted (1); http /: connect refused"])
    world.sleep()
    world.advance(.seconds(16))
    world.send(.probeEnded(0, .inconclusive("no descriptors")))
    world.sleep()
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.ready) == [false], "READY=1 is not sent again")
    #expect(world.notifications.count { $0.watchdog == .feed } == fed + 1)
    #expect(world.sent.last?.status == "ready; http /: 200 in 0 µs; restarted once")
    #expect(world.logs.last?.hasPrefix("healthy again after ") == true)
    #expect(world.violations == [])
  }

  @Test("the pauses double from 0.5 s to 30 s, each at most a quarter longer by chance")
  func backOff() {
    for seed in 0..<50 as Range<UInt64> {
      var policy = Self.policy
      policy.seed = seed
      var world = failed(policy)
      for expected in [0.5, 1, 2, 4, 8, 16, 24, 24] {
        world.send(.childEnded(.exited(0)))
        let ended = world.now
        world.sleep()
        #expect(world.isLaunching)
        let pause = (world.now - ended) / .seconds(1)
        #expect(pause >= expected && pause <= expected * 1.25 && pause <= 30)
        world.send(.childStarted)
        world.send(.probeEnded(0, .passed("200")))
        for _ in 0..<3 { fail(&world) }
        #expect(world.stopsToChild == [.terminate])
      }
      #expect(world.violations == [])
    }
  }

  @Test("two services that fell together do not rise together")
  func jitter() {
    let pauses = (0..<20 as Range<UInt64>).map { seed in
      var policy = Self.policy
      policy.seed = seed
      var world = failed(policy)
      world.send(.childEnded(.exited(0)))
      let ended = world.now
      world.sleep()
      return world.now - ended
    }
    #expect(Set(pauses).count > 15)
  }

  @Test("a minute of health lets the back-off begin anew, less does not", arguments: [59, 60])
  func forgotten(seconds: Int) {
    var policy = Self.policy
    policy.checks[0].fall = 1
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    fail(&world)
    startAgain(&world)
    world.send(.probeEnded(0, .passed("200")))
    let healthy = world.now
    world.sleep()
    world.advance(.seconds(seconds) - (world.now - healthy))
    world.send(.probeEnded(0, .failed("connect refused")))
    world.send(.childEnded(.exited(0)))
    let ended = world.now
    world.sleep()
    #expect((world.now - ended < .milliseconds(700)) == (seconds == 60))
    #expect(world.violations == [])
  }

  @Test("a child that does not stop is killed, after --stop-timeout or 10 s", arguments: [nil, 3])
  func killed(timeout: Int?) {
    var policy = Self.policy
    policy.stopTimeout = timeout.map { .seconds($0) }
    var world = failed(policy)
    let stopped = world.now
    world.sleep()
    #expect(world.kills == 1)
    #expect(world.now - stopped == .seconds(timeout ?? 10))
    world.sleep()
    #expect(world.kills == 1, "once")
    startAgain(&world)
    #expect(world.violations == [])
  }

  @Test("a child that is not healthy within its budget is restarted again", arguments: [nil, 20])
  func budget(timeout: Int?) {
    var policy = Self.policy
    policy.startTimeout = timeout.map { .seconds($0) }
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    for _ in 0..<3 { fail(&world) }
    startAgain(&world)
    let started = world.now
    while world.stopsToChild.isEmpty {
      if world.probing[0] != nil { world.send(.probeEnded(0, .failed("connect refused"))) }
      world.sleep()
    }
    #expect(world.now - started == .seconds(timeout ?? 90))
    #expect(world.restarts == 2)
    #expect(world.violations == [])
  }

  @Test("the new child's own end is vouch's end")
  func ends() {
    var world = failed()
    startAgain(&world)
    world.send(.childEnded(.exited(3)))
    #expect(world.exit == .like(.exited(3)))
  }

  @Test("a child that cannot be started is tried again, and given up when the budget is spent")
  func notStarted() {
    var world = failed()
    let decided = world.now
    world.send(.childEnded(.exited(0)))
    while world.exit == nil {
      world.sleep()
      #expect(world.isLaunching)
      world.send(.childNotStarted("cannot run /opt/x: No such file or directory", exitCode: 127))
    }
    #expect(world.exit == .notStarted(127))
    #expect(world.now - decided >= .seconds(90))
    #expect(world.violations == [])
  }

  @Test("a stop while the child is being stopped: it has its one signal already")
  func stopWhileStopping() {
    var world = failed()
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.terminate])
    #expect(world.sent.map(\.stopping) == [true])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("a stop in that time does not take the SIGKILL away that was due")
  func stopKeepsKill() {
    var world = failed()
    let stopped = world.now
    world.advance(.seconds(4))
    world.send(.stop(.terminate, .vouchAlone))
    world.sleep()
    #expect(world.kills == 1)
    #expect(world.now - stopped == .seconds(10))
    #expect(world.violations == [])
  }

  @Test("the watchdog's SIGABRT reaches a child that is being stopped, whatever --stop-signal is")
  func abort() {
    var policy = Self.policy
    policy.stopSignal = .interrupt
    var world = failed(policy)
    world.send(.stop(.abort, .vouchAlone))
    #expect(world.stopsToChild == [.interrupt, .abort])
    #expect(world.violations == [])
  }

  @Test("a stop while nothing runs ends vouch at once")
  func stopWhileWaiting() {
    var world = failed()
    world.send(.childEnded(.exited(0)))
    world.send(.stop(.terminate, .unknown))
    #expect(world.sent.map(\.stopping) == [true])
    #expect(world.exit == .stoppedWithoutChild)
    #expect(world.violations == [])
  }

  @Test("a stop while the new child is on its way waits for it")
  func stopWhileLaunching() {
    var world = failed()
    world.send(.childEnded(.exited(0)))
    world.sleep()
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.exit == nil)
    world.send(.childStarted)
    #expect(world.stopsToChild == [.terminate])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("a reload while the child is being restarted ends with READY=1 when it is healthy")
  func reload() {
    var world = failed()
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.sent.map { $0.reloading != nil } == [true])
    startAgain(&world)
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.ready) == [true])
    #expect(world.violations == [])
  }

  @Test("the longest restart is the verdict of the quickest check, the stop and the first pause")
  func longest() {
    var policy = Policy(
      checks: [
        .plain("slow", interval: .seconds(60)), .plain("quick", interval: .seconds(3)),
        .plain("ungated", interval: .seconds(1), gates: .ready),
      ], watchdog: .seconds(60), onUnhealthy: .restart)
    #expect(policy.longestWay == .milliseconds(3000 + 3 * 5000 + 2000 + 10_000 + 500))
    policy.stopTimeout = .seconds(1)
    #expect(policy.longestWay == .milliseconds(3000 + 3 * 5000 + 2000 + 1000 + 500))
    policy.onUnhealthy = .trigger
    #expect(policy.longestWay == .seconds(3 + 3 * 5 + 2))
    policy.onUnhealthy = .withhold
    #expect(policy.longestWay == nil)
  }

  @Test("exec= runs its command once for each crossing, and goes on as withhold does")
  func command() {
    var world = World(Policy(checks: [.plain("a")], watchdog: .seconds(30), onUnhealthy: .command))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    for _ in 1...6 { fail(&world) }
    #expect(world.actions == 1)
    #expect(world.stopsToChild.isEmpty)
    #expect(world.notifications.allSatisfy { $0.watchdog != .trigger })
    world.sleep()
    world.send(.probeEnded(0, .passed("200")))
    for _ in 1...3 { fail(&world) }
    #expect(world.actions == 2)
    #expect(world.violations == [])
  }
}
