import Supervision
import Testing

@Suite struct FailingTests {
  private func ready(_ policy: Policy) -> World {
    var world = World(policy)
    world.start()
    for id in policy.checks.indices { world.send(.probeEnded(id, .passed("200"))) }
    #expect(world.readies == 1)
    world.sleep()
    return world
  }

  @Test("after a failure the next probe comes after a third of the interval")
  func third() {
    var world = ready(Policy(checks: [.plain(interval: .seconds(9))], watchdog: .seconds(30)))
    world.advance(.seconds(5))
    world.send(.probeEnded(0, .timedOut("no answer within 5 s (phase head)")))
    let failed = world.now
    world.sleep()
    #expect(world.now - failed == .seconds(3))
    #expect(world.probing[0] != nil)
  }

  @Test("trigger: STATUS and WATCHDOG=trigger in one datagram, once, after fall failures in a row")
  func trigger() {
    var world = ready(
      Policy(checks: [.plain("http /healthz")], watchdog: .seconds(30), onUnhealthy: .trigger))
    for failure in 1...6 {
      world.send(.probeEnded(0, .failed("connect refused")))
      #expect(world.sent.map(\.watchdog) == (failure == 3 ? [.trigger] : [nil]))
      #expect(
        world.sent.map(\.status) == ["failing \(failure)/3: http /healthz: connect refused"])
      world.sleep()
    }
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    for _ in 1...3 {
      world.send(.probeEnded(0, .failed("connect refused")))
      world.sleep()
    }
    #expect(world.notifications.count { $0.watchdog == .trigger } == 2, "once for each crossing")
  }

  @Test("a pass in between begins the run of failures anew")
  func run() {
    var world = ready(Policy(checks: [.plain()], watchdog: .seconds(30), onUnhealthy: .trigger))
    for outcome: ProbeVerdict in [
      .failed("x"), .failed("x"), .passed("200"), .failed("x"), .failed("x"),
    ] {
      world.send(.probeEnded(0, outcome))
      world.sleep()
    }
    #expect(world.notifications.allSatisfy { $0.watchdog != .trigger })
  }

  @Test("withhold sends nothing but STATUS, however long it fails")
  func withhold() {
    var world = ready(Policy(checks: [.plain()], watchdog: .seconds(30)))
    for _ in 0..<50 {
      world.send(.probeEnded(0, .failed("503, expected 200-399")))
      #expect(world.sent.allSatisfy { $0.watchdog == nil })
      world.sleep()
    }
  }

  @Test("a check that gates only ready, or nothing, never triggers")
  func gates() {
    var world = ready(
      Policy(
        checks: [.plain("r", fall: 1, gates: .ready), .plain("n", fall: 1, gates: .none)],
        watchdog: .seconds(30), onUnhealthy: .trigger))
    for _ in 0..<5 {
      for id in [0, 1] where world.probing[id] != nil { world.send(.probeEnded(id, .failed("x"))) }
      world.sleep()
    }
    #expect(world.notifications.allSatisfy { $0.watchdog != .trigger })
  }

  @Test("the log tells changes, not rounds")
  func log() {
    var world = ready(Policy(checks: [.plain("a")], watchdog: .seconds(30)))
    let before = world.logs.count
    for _ in 0..<5 {
      world.send(.probeEnded(0, .failed("connect refused")))
      world.sleep()
    }
    for _ in 0..<5 {
      world.send(.probeEnded(0, .passed("200")))
      world.sleep()
    }
    #expect(
      Array(world.logs[before...]) == ["failing: a: connect refused", "recovered: a: 200 in 0 µs"])
  }

  @Test("the prober's own trouble is logged once, never counted, and never feeds")
  func ownTrouble() {
    var world = ready(
      Policy(checks: [.plain("a", fall: 1)], watchdog: .seconds(30), onUnhealthy: .trigger))
    let before = world.logs.count
    for _ in 0..<5 {
      world.send(.probeEnded(0, .inconclusive("no descriptors left")))
      world.sleep()
    }
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
    #expect(Array(world.logs[before...]) == ["a: cannot be checked: no descriptors left"])
    #expect(world.notifications.last?.status == "a: cannot be checked: no descriptors left")
  }

  @Test("an answer that lay unread for longer than the check allows feeds nothing")
  func staleAnswer() {
    var world = ready(Policy(checks: [.plain("a")], watchdog: .seconds(30)))
    world.advance(.seconds(9))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.allSatisfy { $0.watchdog == nil })
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))), "it is asked again at once")
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed])
  }

  @Test("a slow check beside a quick one is tried again within the watchdog's period")
  func slowRetry() {
    let slow = Check.plain("slow", interval: .seconds(90), timeout: .seconds(5))
    var world = ready(Policy(checks: [.plain("quick"), slow], watchdog: .seconds(30)))
    while world.probing[1] == nil {
      for id in world.probing.keys { world.send(.probeEnded(id, .passed("200"))) }
      world.sleep()
    }
    world.send(.probeEnded(1, .failed("connect refused")))
    let failed = world.now
    while world.probing[1] == nil {
      for id in world.probing.keys { world.send(.probeEnded(id, .passed("200"))) }
      world.sleep()
    }
    #expect(world.now - failed == .seconds(10))
  }

  @Test("a reload that breaks the child is acted on once the first interval is over")
  func brokenReload() {
    var world = ready(
      Policy(checks: [.plain("a")], watchdog: .seconds(30), onUnhealthy: .trigger))
    world.send(.probeEnded(0, .passed("200")))
    world.send(.reload(.hangup, .vouchAlone))
    let reloaded = world.now
    while world.now - reloaded < .seconds(60) {
      if world.probing[0] != nil { world.send(.probeEnded(0, .failed("500, expected 200-399"))) }
      if world.sent.contains(where: { $0.watchdog == .trigger }) { break }
      world.sleep()
    }
    #expect(world.sent.contains { $0.watchdog == .trigger })
    #expect(world.now - reloaded < .seconds(20))
    #expect(world.logs.contains("failing: a: 500, expected 200-399"))
  }
}
