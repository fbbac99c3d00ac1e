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

  @Test(
    "a probe goes on for as long as it lost; the log and STATUS say why, and nothing is counted")
  func notCounted() {
    var world = ready()
    world.advance(.seconds(8))
    world.send(.probeDelayed(0, lost: .seconds(7)))
    #expect(world.probing[0] != nil)
    #expect(
      world.logs.last == "a: cannot be checked: vouch or the child was kept from running for 7 s: "
        + "no answer yet")
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
    world.advance(.seconds(3))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed], "11 s, less the 7 that were lost")
    #expect(world.logs.last == "a: can be checked again")
    #expect(world.violations == [])
  }

  @Test("systemd's watchdog is asked to wait for as long as was lost")
  func patience() {
    var world = ready()
    // Fed by READY=1 10 s before this probe began.
    world.advance(.seconds(8))
    world.send(.probeDelayed(0, lost: .seconds(7)))
    #expect(world.sent.map(\.extendTimeout) == [.seconds(30 - 18 + 7)])
    world.advance(.seconds(6))
    world.send(.probeDelayed(0, lost: .seconds(5)))
    #expect(world.sent.map(\.extendTimeout) == [.seconds(30 - 24 + 12)])
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed])
    #expect(world.sent.map(\.extendTimeout) == [nil])
  }

  @Test("a child that hangs is found out all the same")
  func stillKilled() {
    var world = ready()
    world.advance(.seconds(8))
    world.send(.probeDelayed(0, lost: .seconds(3)))
    world.send(.probeEnded(0, .timedOut("no answer within 5 s (phase head)")))
    #expect(world.sent.map(\.watchdog) == [.trigger])
    #expect(world.violations == [])
  }

  @Test("an answer that may have waited unread feeds nothing; it is asked for again at once")
  func stale() {
    var world = ready()
    world.send(.probeEnded(0, .stale("200", late: .seconds(2))))
    #expect(world.sent.allSatisfy { $0.watchdog == nil })
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed])
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
    world.send(.probeDelayed(1, lost: .seconds(7)))
    #expect(world.notifications.allSatisfy { $0.extendTimeout == nil })
  }
}
