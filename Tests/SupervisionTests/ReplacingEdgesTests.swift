import Supervision
import Testing

@Suite("--on-reload replace at its edges") struct ReplacingEdgesTests {
  private static func judging(_ policy: Policy = ReplacingTests.policy) -> World {
    ReplacingTests.judging(policy)
  }

  /// Lets the new one pass until it serves.
  private static func promote(_ world: inout World) {
    for _ in 0..<10 where !world.other.hasServed { ReplacingTests.pass(&world, other: true) }
  }

  @Test("each generation goes by its own number, replacement after replacement")
  func numbers() {
    var world = Self.judging()
    Self.promote(&world)
    world.send(.other(.ended(.exited(0))))
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.logs.last == "starting generation 3 beside generation 2")
    world.send(.other(.started))
    for _ in 0..<10 where world.effects.contains(.other(.swap)) == false {
      ReplacingTests.pass(&world, other: true)
    }
    #expect(world.logs.contains("generation 3 serves; generation 2 ends"))
    #expect(world.notifications.last?.status?.hasSuffix("; generation 2 ends") == true)
    #expect(world.violations == [])
  }

  @Test("however many ask meanwhile, the log tells once that one more follows")
  func tellsOnce() {
    var world = Self.judging()
    for ticket in 1...5 { world.send(.reloadAsked(ticket)) }
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.logs.count { $0.hasPrefix("reloading on") } == 2)
  }

  @Test("a check of the new one's in flight when that is promoted is asked again at once")
  func inFlight() {
    let policy = Policy(
      checks: [.plain("slow"), .plain("quick", interval: .seconds(1))], watchdog: .seconds(30),
      onReload: .replace)
    var world = Self.judging(policy)
    world.send(.other(.probeEnded(1, .passed("200"))))
    for _ in 0..<20 where world.other.probing[1] == nil { world.sleep() }
    #expect(world.other.probing.keys.sorted() == [0, 1])
    world.send(.other(.probeEnded(0, .passed("200"))))
    #expect(world.effects.contains(.other(.swap)))
    #expect(world.effects.contains(.probe(1, timeout: policy.checks[1].timeout)))
    #expect(world.violations == [])
  }

  @Test("one that stops by itself while its replacement is judged gets no stop signal on top")
  func stopsByItself() {
    var world = Self.judging()
    world.send(.reported(.saying { $0.stopping = true }))
    Self.promote(&world)
    #expect(world.effects.contains(.other(.swap)) || world.other.hasServed)
    #expect(world.other.stops == [])
    #expect(world.other.runsNow)
    #expect(world.violations == [])
  }

  @Test("READY=1 of a reload that systemd has not taken is true though a check has failed since")
  func owedThoughFailing() throws {
    var world = Self.judging()
    while world.probing.isEmpty { world.sleep() }
    world.send(.other(.ended(.exited(1))))
    let ready = try #require(world.sent.first { $0.ready })
    world.send(.undelivered(ready, reason: "full"))
    world.send(.probeEnded(0, .failed("500")))
    #expect(world.notifications.count { $0.ready } == 3)
    #expect(world.violations == [])
  }

  @Test("the one that takes over feeds the watchdog as it does, where the old one could not")
  func feedsAtPromotion() throws {
    var world = Self.judging()
    for _ in 0..<4 {
      while world.probing.isEmpty { world.sleep() }
      world.advance(.seconds(5))
      world.send(.probeEnded(0, .failed("500")))
    }
    let before = world.notifications.count
    Self.promote(&world)
    let ready = try #require(world.notifications[before...].first { $0.ready })
    #expect(ready.watchdog == .feed)
    #expect(world.violations == [])
  }

  @Test("what a new one that ends by itself leaves behind is killed")
  func leavesBehind() {
    var world = Self.judging()
    world.send(.other(.ended(.exited(1))))
    #expect(world.effects.contains(.other(.killRest)))
  }

  @Test("the watchdog's signal asks the one that serves for a dump, the other one to end")
  func abort() {
    var world = Self.judging()
    world.send(.stop(.abort, .vouchAlone))
    #expect(world.stopsToChild == [.abort])
    #expect(world.other.stops == [.terminate])
    #expect(world.violations == [])
  }

  @Test("one that was killed after --drain is not killed again by a stop")
  func killedOnce() {
    var policy = ReplacingTests.policy
    policy.stopTimeout = .seconds(3)
    var world = Self.judging(policy)
    Self.promote(&world)
    world.advance(.seconds(20))
    world.send(.clock)
    #expect(world.other.kills == 1)
    world.send(.stop(.terminate, .vouchAlone))
    world.advance(.seconds(10))
    world.send(.clock)
    #expect(world.other.kills == 1)
  }

  @Test("a new one whose probes never end is given up at the end of its time, woken by that alone")
  func budgetWakes() {
    var world = Self.judging()
    while world.probing.isEmpty { world.sleep() }
    let since = world.now
    for _ in 0..<50 where world.other.stops.isEmpty { world.sleep() }
    #expect(world.other.stops == [.terminate])
    #expect(world.now - since <= .seconds(60))
  }

  @Test("where the new one cannot be started while the service stops, the old one's end is the end")
  func notStartedWhileStopping() {
    var world = ReplacingTests.ready()
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.stop(.terminate, .vouchAlone))
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == nil)
    world.send(.other(.notStarted("no memory")))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test(
    "a new one that starts while systemd is being asked of a stop has its signal with the answer")
  func startedWhileAsking() {
    var world = ReplacingTests.ready()
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.stop(.terminate, .unknown))
    world.send(.other(.started))
    #expect(world.other.stops == [])
    world.send(.reachKnown(.vouchAlone))
    #expect(world.other.stops == [.terminate])
    #expect(world.violations == [])
  }

  @Test("what the new one said of itself while it was judged is what STATUS has of it after")
  func says() {
    var policy = ReplacingTests.policy
    policy.checks = [.program()]
    var world = ReplacingTests.ready(policy)
    world.send(.reported(.saying { $0.status = "old" }))
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.other(.started))
    world.send(.other(.reported(.saying { $0.status = "new" })))
    world.send(.other(.reported(.saying { $0.ready = true })))
    #expect(world.other.hasServed)
    let status = world.notifications.last?.status ?? ""
    #expect(status.contains("child says \"new\""), "\(status)")
    #expect(!status.contains("old"), "\(status)")
  }

  @Test("the health of a replacement counts from its promotion, for the pauses between restarts")
  func backOff() {
    var policy = ReplacingTests.policy
    policy.onUnhealthy = .restart
    policy.checks = [.plain(fall: 1)]
    var world = ReplacingTests.ready(policy)
    func fail(_ world: inout World) {
      while world.probing.isEmpty { world.sleep() }
      world.send(.probeEnded(0, .failed("500")))
      world.send(.childEnded(.exited(0)))
    }
    fail(&world)
    while !world.isLaunching { world.sleep() }
    world.send(.childStarted)
    ReplacingTests.pass(&world)
    let healed = world.now
    for _ in 0..<20 where world.now - healed < .seconds(50) { ReplacingTests.pass(&world) }
    world.send(.reload(.hangup, .vouchAlone))
    world.send(.other(.started))
    Self.promote(&world)
    world.send(.other(.ended(.exited(0))))
    let promoted = world.now
    for _ in 0..<20 where world.now - promoted < .seconds(20) { ReplacingTests.pass(&world) }
    fail(&world)
    let ended = world.now
    while !world.isLaunching { world.sleep() }
    #expect(world.now - ended >= .seconds(1), "the second pause of a row")
    #expect(world.violations == [])
  }

  /// With a failing child that is being restarted.
  private static func healing() -> World {
    var policy = ReplacingTests.policy
    policy.onUnhealthy = .restart
    policy.checks = [.plain(fall: 1)]
    var world = ReplacingTests.ready(policy)
    while world.probing.isEmpty { world.sleep() }
    world.send(.probeEnded(0, .failed("500")))
    return world
  }

  @Test("a reload that is asked for in the pause before a restart ends the pause")
  func hurriesPause() {
    var world = Self.healing()
    world.send(.childEnded(.exited(0)))
    #expect(!world.isLaunching)
    world.send(.reloadAsked(1))
    #expect(world.isLaunching)
    world.send(.childStarted)
    ReplacingTests.pass(&world)
    #expect(world.effects.contains(.other(.start(generation: 3))), "and follows once it is healthy")
    #expect(world.violations == [])
  }

  @Test("a reload while the failing child is being stopped leaves out the pause")
  func hurriesStop() {
    var world = Self.healing()
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.stopsToChild == [.terminate])
    world.send(.childEnded(.exited(0)))
    #expect(world.isLaunching)
    #expect(world.violations == [])
  }

  @Test("a reload while a restarted child does not pass starts another one at once")
  func hurriesJudging() {
    var world = Self.healing()
    world.send(.childEnded(.exited(0)))
    while !world.isLaunching { world.sleep() }
    world.send(.childStarted)
    world.send(.probeEnded(0, .failed("500")))
    world.send(.reloadAsked(1))
    #expect(world.stopsToChild == [.terminate])
    // However often, it has one stop signal.
    world.send(.reloadAsked(2))
    #expect(world.stopsToChild == [.terminate])
    world.send(.childEnded(.exited(0)))
    #expect(world.isLaunching)
    world.send(.childStarted)
    world.send(.probeEnded(0, .failed("500")))
    world.send(.reloadAsked(3))
    world.send(.childEnded(.exited(0)))
    #expect(world.isLaunching, "the second asks no less than the first")
    world.send(.childStarted)
    ReplacingTests.pass(&world)
    #expect(world.effects.contains { if case .other(.start) = $0 { true } else { false } })
    #expect(world.violations == [])
  }
}
