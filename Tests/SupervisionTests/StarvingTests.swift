import Supervision
import Testing

@Suite struct StarvingTests {
  private func ready(fall: Int = 1) -> World {
    var world = World(
      Policy(checks: [.plain("a", fall: fall)], watchdog: .seconds(30), onUnhealthy: .trigger))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    return world
  }

  private func timeOut(_ world: inout World, after: Duration, starved: Duration) {
    world.advance(after)
    world.send(.probeEnded(0, .timedOut("no answer within 5 s (phase head)", starved: starved)))
  }

  @Test("a starved timeout is not counted; it is probed again at once; the log and STATUS say why")
  func notCounted() {
    var world = ready()
    timeOut(&world, after: .seconds(8), starved: .seconds(7))
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))))
    #expect(
      world.logs.last == "a: cannot be checked: vouch or the child was kept from running for 7 s: "
        + "no answer within 5 s (phase head)")
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
  }

  @Test("systemd's watchdog is asked to wait for as long as was lost")
  func patience() {
    var world = ready()
    // Fed by READY=1 10 s before this probe began.
    timeOut(&world, after: .seconds(8), starved: .seconds(7))
    #expect(world.sent.map(\.extendTimeout) == [.seconds(30 - 18 + 7)])
    timeOut(&world, after: .seconds(6), starved: .seconds(5))
    #expect(world.sent.map(\.extendTimeout) == [.seconds(30 - 24 + 12)])
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed])
    #expect(world.sent.map(\.extendTimeout) == [nil])
  }

  @Test("a child that hangs is found out once it had a whole timeout between the pauses")
  func stillKilled() {
    var world = ready()
    // Each probe loses half of its time.
    var probes = 0
    while !world.sent.contains(where: { $0.watchdog == .trigger }), probes < 10 {
      timeOut(&world, after: .seconds(5), starved: .milliseconds(2500))
      probes += 1
    }
    #expect(probes == 3)
    #expect(world.violations == [])
  }

  @Test("a pass forgets what was charged")
  func pass() {
    var world = ready()
    timeOut(&world, after: .seconds(5), starved: .seconds(1))
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    timeOut(&world, after: .seconds(5), starved: .seconds(1))
    #expect(world.notifications.allSatisfy { $0.watchdog != .trigger })
    #expect(world.violations == [])
  }

  @Test("a check that does not gate the watchdog does not ask for its patience")
  func ungated() {
    var world = World(
      Policy(
        checks: [.plain("a"), .plain("b", gates: .none)], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.advance(.seconds(8))
    world.send(.probeEnded(1, .timedOut("no answer", starved: .seconds(7))))
    #expect(world.notifications.allSatisfy { $0.extendTimeout == nil })
  }
}
