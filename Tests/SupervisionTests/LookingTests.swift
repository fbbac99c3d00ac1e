import Supervision
import Testing

/// Why a child does not serve on its passed sockets is told while it starts, and never later.
@Suite struct LookingTests {
  private static let finding = Finding("it listens on :3000", isCertain: true)
  private static let note = Finding("it has the socket open", isCertain: false)

  private func world(
    queue: Bool = true, gates: Gates = .both, startTimeout: Duration? = nil, sockets: Bool = true
  ) -> World {
    var policy = Policy(
      checks: [.plain(gates: gates, queue: queue)], startTimeout: startTimeout)
    policy.hasPassedSockets = sockets
    var world = World(policy)
    world.start()
    return world
  }

  private func time(to world: World, from start: Moment) -> Duration { world.now - start }

  /// Lets time pass, with every probe unanswered.
  private func wait(_ time: Duration, in world: inout World) -> [Duration] {
    let start = world.now
    var looks: [Duration] = []
    while true {
      let probed = world.probing.values.min().map { $0 + .seconds(5) }
      let next = [world.supervision.wakeAt, probed].compactMap { $0 }.min()
      guard let next, next - start <= time else { return looks }
      let before = world.looks
      world.advance(max(next - world.now, .zero))
      if probed == next {
        world.send(.probeEnded(0, .timedOut("no answer within 5 s")))
      } else {
        world.send(.clock)
      }
      if world.looks > before { looks.append(world.now - start) }
    }
  }

  @Test("a start that takes long is looked at after 2, 5, 10, 20, 40 and 60 s, then once a minute")
  func schedule() {
    var world = world()
    let looks = wait(.seconds(250), in: &world)
    #expect(looks == [2, 5, 10, 20, 40, 60, 120, 180, 240].map { .seconds($0) })
    #expect(world.violations == [])
  }

  @Test("a short start timeout has its first look halfway")
  func startTimeout() {
    var world = world(startTimeout: .seconds(1))
    let start = world.now
    while world.looks == 0 { world.sleep() }
    #expect(world.now - start == .milliseconds(500))
  }

  @Test(
    "where there is nothing to see, and once it is ready, nothing wakes vouch for a look",
    arguments: ["no sockets", "no gate", "ready"])
  func noLook(_ what: String) {
    var world = world(
      gates: what == "no gate" ? .watchdog : .both, sockets: what != "no sockets")
    if what == "ready" { world.send(.probeEnded(0, .passed("200"))) }
    let wake = world.supervision.wakeAt
    #expect(wake == nil || wake! - world.now > .seconds(5))
    world.advance(.seconds(60))
    world.send(.clock)
    #expect(world.looks == 0)
  }

  @Test("a clock that stood still for minutes costs one look")
  func late() {
    var world = world()
    world.advance(.seconds(600))
    world.send(.clock)
    #expect(world.looks == 1)
    #expect(world.supervision.wakeAt.map { $0 - world.now > .zero } ?? false)
  }

  @Test("what is to be mended stands in STATUS behind the reason, and in the log once")
  func certain() {
    var world = world()
    world.advance(.seconds(5))
    world.send(.probeEnded(0, .timedOut("no answer within 5 s")))
    for _ in 0..<3 { world.send(.looked(Self.finding)) }
    #expect(
      world.notifications.last?.status
        == "starting; http /: no answer within 5 s: it listens on :3000")
    #expect(world.logs.filter { $0 == "not ready: it listens on :3000" }.count == 1)
    world.send(.looked(Finding("it listens on :3001", isCertain: true)))
    #expect(world.logs.last == "not ready: it listens on :3001")
    #expect(world.notifications.last?.status?.hasSuffix(": it listens on :3001") == true)
  }

  @Test("what may just be slow stands in STATUS alone")
  func uncertain() {
    var world = world()
    let logged = world.logs
    world.send(.looked(Self.note))
    #expect(
      world.notifications.last?.status
        == "starting; http /: waiting for an answer: it has the socket open")
    #expect(world.logs == logged)
  }

  @Test("what the log has already is not logged again")
  func logged() {
    var world = world()
    let logged = world.logs
    world.send(.looked(Finding("refused", isCertain: true, isLogged: true)))
    #expect(world.logs == logged)
    #expect(world.notifications.last?.status?.hasSuffix(": refused") == true)
  }

  @Test("it is gone once nothing is amiss any more, and once the child is ready")
  func gone() {
    var world = world()
    world.send(.looked(Self.finding))
    world.send(.looked(nil))
    #expect(world.notifications.last?.status == "starting; http /: waiting for an answer")
    world.send(.looked(Self.finding))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.notifications.last?.status?.hasPrefix("ready; http /: 200") == true)
    // An answer that comes late.
    world.send(.looked(Self.finding))
    #expect(world.notifications.last?.status?.contains("listens") == false)
    world.send(.childEnded(.exited(1)))
    #expect(world.logs.filter { $0.contains("listens") }.count == 1)
  }

  @Test("it stands behind the first check that fails, not behind one that passes")
  func several() {
    var policy = Policy(checks: [.plain("a"), .plain("b", queue: true)])
    policy.hasPassedSockets = true
    var world = World(policy)
    world.start()
    world.advance(.milliseconds(1))
    world.send(.probeEnded(0, .passed("200")))
    world.send(.looked(Self.finding))
    #expect(
      world.notifications.last?.status
        == "starting; b: waiting for an answer: it listens on :3000; a: 200 in 1 ms")
  }

  @Test("a child that ends before it was ready leaves it in STATUS")
  func atEnd() {
    var world = world()
    world.send(.looked(Self.finding))
    world.send(.childEnded(.exited(1)))
    #expect(
      world.notifications.last?.status
        == "the child exited with status 1 before it was ready: it listens on :3000")
    #expect(world.violations == [])
  }

  @Test("a child that was merely slow leaves no guess behind")
  func slowAtEnd() {
    var world = world()
    world.send(.looked(Self.note))
    let told = world.notifications.count
    world.send(.childEnded(.exited(1)))
    #expect(world.notifications.count == told)
  }

  @Test("the start timeout, and a stop before READY=1, say it too")
  func stopped() {
    var timeout = world(startTimeout: .seconds(10))
    timeout.send(.looked(Self.finding))
    timeout.advance(.seconds(10))
    timeout.send(.clock)
    #expect(timeout.logs.contains { $0.hasPrefix("not ready within") && $0.hasSuffix(":3000") })
    #expect(timeout.notifications.last?.status?.hasSuffix(":3000") == true)

    var stopped = world()
    stopped.send(.looked(Self.finding))
    stopped.send(.stop(.terminate, .vouchAlone))
    #expect(
      stopped.notifications.last?.status
        == "stopping on SIGTERM; was not ready: it listens on :3000")
  }

  @Test("a restarted child, which has taken its sockets before, is not looked at")
  func restarted() {
    var policy = Policy(checks: [.plain(fall: 1, queue: true)], onUnhealthy: .restart)
    policy.hasPassedSockets = true
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.advance(.seconds(10))
    world.send(.clock)
    world.send(.probeEnded(0, .timedOut("no answer within 5 s")))
    #expect(world.isRestarting)
    world.send(.childEnded(.exited(0)))
    world.sleep()
    #expect(world.isLaunching)
    world.send(.childStarted)
    world.advance(.seconds(60))
    world.send(.clock)
    #expect(world.looks == 0)
    #expect(world.violations == [])
  }
}
