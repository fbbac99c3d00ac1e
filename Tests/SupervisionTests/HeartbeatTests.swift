import Supervision
import Testing

@Suite struct HeartbeatTests {
  private static func policy(
    fall: Int = 3, gates: Gates = .both, onUnhealthy: OnUnhealthy = .trigger,
    beside: [Check] = []
  ) -> Policy {
    Policy(
      checks: [.component("worker", fall: fall, gates: gates)] + beside, watchdog: .seconds(30),
      onUnhealthy: onUnhealthy)
  }

  private func world(_ policy: Policy = policy()) -> World {
    var world = World(policy)
    world.start()
    return world
  }

  @Test("READY=1 waits for the first report, each report feeds, and nothing is ever probed")
  func reports() {
    var world = world()
    #expect(world.sent.map(\.status) == ["starting; heartbeat worker: waiting for a report"])
    world.advance(.seconds(25))
    world.send(.clock)
    #expect(world.sent == [], "before the first report nothing is late")
    world.send(.beat("worker"))
    #expect(world.sent.map(\.ready) == [true])
    #expect(world.sent.last?.status == "ready; heartbeat worker: reported")
    for _ in 0..<5 {
      world.advance(.seconds(8))
      world.send(.beat("worker"))
      #expect(world.sent.map(\.watchdog) == [.feed])
    }
    #expect(!world.trace.isEmpty && world.probing.isEmpty)
    #expect(world.violations == [])
  }

  @Test("a report within the quarter of the period tells systemd nothing")
  func quiet() {
    var world = world()
    world.send(.beat("worker"))
    for _ in 0..<7 {
      world.advance(.seconds(1))
      world.send(.beat("worker"))
      #expect(world.effects == [])
    }
  }

  @Test("lateness begins at the interval, then counts each third of it, and acts at fall")
  func late() {
    var world = world()
    world.send(.beat("worker"))
    let reported = world.now
    world.sleep()
    #expect(world.now - reported == .seconds(10))
    #expect(
      world.sent.map(\.status) == ["failing 1/3: heartbeat worker: no report within 10 s"])
    #expect(world.logs.last == "failing: heartbeat worker: no report within 10 s")
    world.sleep()
    #expect(world.now - reported == .seconds(10) + .seconds(10) / 3)
    world.sleep()
    #expect(world.sent.last?.watchdog == .trigger)
    world.send(.beat("worker"))
    #expect(world.logs.last == "recovered: heartbeat worker: reported")
    #expect(world.violations == [])
  }

  @Test("a component that says that it fails fails at once, and until it says otherwise")
  func failed() {
    var world = world()
    world.send(.beat("worker"))
    world.advance(.seconds(1))
    world.send(.beat("worker", failed: "queue\nfull"))
    #expect(world.sent.map(\.status) == ["failing 1/3: heartbeat worker: queue full"])
    world.sleep()
    #expect(world.sent.map(\.status) == ["failing 2/3: heartbeat worker: queue full"])
    world.sleep()
    #expect(world.sent.last?.watchdog == .trigger)
    #expect(world.violations == [])
  }

  @Test("WATCHDOG=trigger acts at once, of a component and of the program")
  func trigger() {
    var world = world()
    world.send(.beat("worker"))
    world.send(.reported(.saying { ($0.component, $0.watchdog) = ("worker", .trigger) }))
    #expect(world.sent.last?.watchdog == .trigger)

    world = self.world(Policy(checks: [.program()], watchdog: .seconds(30), onUnhealthy: .trigger))
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.reported(.saying { $0.watchdog = .trigger }))
    #expect(world.sent.last?.watchdog == .trigger)
    #expect(world.sent.last?.status == "failing 3/3: heartbeat notify: WATCHDOG=trigger")
    #expect(world.violations == [])
  }

  @Test("a component that nobody waits for changes nothing")
  func unknown() {
    var world = world()
    world.send(.beat("other"))
    world.send(.reported(.saying { $0.watchdog = .alive }))
    world.send(.reported(.saying { $0.ready = true }))
    #expect(world.readies == 0)
  }

  @Test("each of several checks is necessary: a worker that freezes while http answers is found")
  func combined() {
    var world = world(Self.policy(fall: 1, beside: [.plain()]))
    world.send(.beat("worker"))
    #expect(world.readies == 0)
    world.send(.probeEnded(0 + 1, .passed("200")))
    #expect(world.readies == 1)
    let triggered = { (world: World) in
      world.notifications.last { $0.watchdog == .trigger }
    }
    while triggered(world) == nil, world.now < Moment(sinceOrigin: .seconds(1100)) {
      world.sleep()
      if world.probing[1] != nil { world.send(.probeEnded(1, .passed("200"))) }
    }
    #expect(
      triggered(world)?.status?.hasPrefix("failing 1/1: heartbeat worker: no report") == true)
    #expect(world.violations == [])
  }

  @Test("one that is not waited for at start and never reports leaves the watchdog unfed")
  func never() {
    var world = world(Self.policy(gates: .watchdog, beside: [.plain()]))
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.readies == 1)
    for _ in 0..<20 {
      world.sleep()
      if world.probing[1] != nil { world.send(.probeEnded(1, .passed("200"))) }
    }
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
    #expect(
      world.notifications.last?.status?.contains("heartbeat worker: no report within 10 s") == true)
  }

  @Test("what was noticed late is not counted: the reporter was kept from running as well")
  func starved() {
    var world = world(Self.policy(fall: 1))
    world.send(.beat("worker"))
    world.advance(.seconds(70))
    world.send(.clock)
    #expect(world.sent.map(\.watchdog) == [nil])
    #expect(world.sent.last?.status?.contains("was kept from running for 1 min") == true)
    // It is still gone an interval later.
    world.sleep()
    #expect(world.sent.last?.watchdog == .trigger)
    #expect(world.violations == [])
  }

  @Test("a machine that is always a little late does not hide a component that hangs")
  func alwaysLate() {
    var world = world(Self.policy(fall: 1))
    world.send(.beat("worker"))
    let reported = world.now
    for _ in 0..<4 where world.sent.last?.watchdog != .trigger {
      world.advance(.milliseconds(10_100))
      world.send(.clock)
    }
    #expect(world.sent.last?.watchdog == .trigger)
    #expect(world.now - reported < .seconds(21))
  }

  @Test("after a restart everything is awaited anew")
  func restart() {
    var world = world(
      Policy(checks: [.component("worker", fall: 1), .program()], onUnhealthy: .restart))
    world.send(.reported(.saying { ($0.ready, $0.status) = (true, "serving") }))
    world.send(.beat("worker"))
    world.sleep()
    #expect(world.stopsToChild == [.terminate])
    world.send(.beat("worker"))
    world.send(.childEnded(.exited(0)))
    world.sleep()
    world.send(.childStarted)
    #expect(world.sent.last?.status?.contains("serving") == false)
    world.send(.beat("worker"))
    world.send(.reported(.saying { $0.watchdog = .alive }))
    #expect(!world.logs.contains { $0.hasPrefix("healthy again") })
    world.send(.reported(.saying { $0.ready = true }))
    #expect(world.logs.last?.hasPrefix("healthy again") == true)
    #expect(world.violations == [])
  }

  @Test("a status that changes all the time is told once a second, and the last one is not lost")
  func chatter() {
    var world = world()
    world.send(.beat("worker"))
    let before = world.notifications.count
    for count in 0..<100 {
      world.advance(.milliseconds(10))
      world.send(.beat("worker", status: "\(count) jobs"))
    }
    world.advance(.seconds(1))
    world.send(.clock)
    #expect(world.notifications.count - before <= 3)
    #expect(world.notifications.last?.status == "ready; heartbeat worker: 99 jobs")
    #expect(world.violations == [])
  }

  // MARK: - The program's own protocol

  @Test(
    "the program's READY=1 is necessary beside the active checks, and WATCHDOG=1 keeps it alive")
  func program() {
    var world = world(Policy(checks: [.program(), .plain()], watchdog: .seconds(30)))
    world.send(.probeEnded(1, .passed("200")))
    world.send(.reported(.saying { $0.watchdog = .alive }))
    #expect(world.readies == 0, "WATCHDOG=1 is no READY=1")
    world.send(.reported(.saying { $0.ready = true }))
    #expect(world.readies == 1)
    world.advance(.seconds(9))
    world.send(.reported(.saying { $0.watchdog = .alive }))
    #expect(world.sent.contains { $0.watchdog == .feed })
    world.advance(.seconds(10))
    world.send(.clock)
    #expect(world.sent.last?.status?.hasPrefix("failing 1/3: heartbeat notify: no report") == true)
    #expect(world.violations == [])
  }

  @Test(
    "with gates=ready READY=1 is all that is asked, through a reload that it does not tell of too")
  func readyOnly() {
    var world = world(
      Policy(checks: [.program(gates: .ready, rise: 2), .plain()], watchdog: .seconds(30)))
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.readies == 1)
    for _ in 0..<50 {
      world.sleep()
      if world.probing[1] != nil { world.send(.probeEnded(1, .passed("200"))) }
    }
    #expect(world.sent.last?.status?.hasPrefix("ready") == true)
    world.send(.reload(.hangup, .vouchAlone))
    world.sleep()
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.readies == 2)
    #expect(world.violations == [])
  }

  @Test("a program that reloads by itself: RELOADING=1, and READY=1 when it and the checks say so")
  func reloads() {
    var world = world(Policy(checks: [.program(), .plain()], watchdog: .seconds(30)))
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.probeEnded(1, .passed("200")))
    world.send(.reported(.saying { $0.reloading = true }))
    #expect(world.sent.first?.reloading == world.now)
    world.send(.probeEnded(1, .passed("200")))
    world.send(.reported(.saying { $0.watchdog = .alive }))
    #expect(world.readies == 1, "alive, and not ready yet")
    world.send(.reported(.saying { $0.ready = true }))
    #expect(world.readies == 2)
    #expect(world.violations == [])
  }

  @Test("a restarted program that reloads before the checks pass is not healthy until it is ready")
  func reloadsAfterRestart() {
    var world = world(
      Policy(
        checks: [.program(gates: .ready), .plain(fall: 1)], watchdog: .seconds(30),
        onUnhealthy: .restart))
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.probeEnded(1, .passed("200")))
    world.sleep()
    world.send(.probeEnded(1, .failed("500")))
    world.send(.childEnded(.exited(0)))
    world.sleep()
    world.advance(.seconds(10))
    world.send(.childStarted)
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.reported(.saying { $0.reloading = true }))
    let fed = world.notifications.count { $0.watchdog == .feed }
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.notifications.count { $0.watchdog == .feed } == fed, "it says that it reloads")
    world.send(.reported(.saying { $0.ready = true }))
    #expect(world.logs.last?.hasPrefix("healthy again after ") == true)
    #expect(world.notifications.count { $0.watchdog == .feed } == fed + 1)
  }

  @Test("a program that stops by itself: STOPPING=1, and nothing is a failure any more")
  func stops() {
    var world = world(
      Policy(checks: [.program(), .plain(fall: 1)], watchdog: .seconds(30), stopSignal: .quit))
    world.send(.reported(.saying { $0.ready = true }))
    world.send(.probeEnded(1, .passed("200")))
    world.send(.reported(.saying { ($0.stopping, $0.status) = (true, "bye") }))
    #expect(world.sent.map(\.stopping) == [true])
    #expect(world.sent.last?.status == "stopping by itself; child says \"bye\"")
    #expect(world.supervision.wakeAt == nil)
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.quit])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .like(.exited(0)))
    #expect(world.violations == [])
  }

  @Test("more time is asked of systemd at start, reload and stop, and never in between")
  func extends() {
    let more = Event.reported(.saying { $0.extendTimeout = .seconds(60) })
    var world = world(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.send(more)
    #expect(world.sent.map(\.extendTimeout) == [.seconds(60)])
    world.send(more)
    #expect(world.sent == [], "nothing new")
    world.advance(.seconds(1))
    world.send(more)
    #expect(world.sent.map(\.extendTimeout) == [.seconds(60)])
    world.send(.probeEnded(0, .passed("200")))
    world.advance(.seconds(1))
    world.send(more)
    #expect(world.sent == [], "it would push the watchdog")
    world.send(.stop(.terminate, .vouchAlone))
    world.send(more)
    #expect(world.sent.map(\.extendTimeout) == [.seconds(60)])
  }

  @Test("in a reload, the child's wishes do not push the watchdog beyond what a reload may take")
  func reloadBudget() {
    var world = world(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.send(.probeEnded(0, .passed("200")))
    world.send(.reload(.hangup, .vouchAlone))
    world.advance(.seconds(20))
    world.send(.reported(.saying { $0.extendTimeout = .seconds(3600) }))
    #expect(world.sent.map(\.extendTimeout) == [.seconds(70)], "90 s from the reload on")
    world.advance(.seconds(71))
    world.send(.reported(.saying { $0.extendTimeout = .seconds(3600) }))
    #expect(world.sent.allSatisfy { $0.extendTimeout == nil })
  }

  @Test("the budget of --start-timeout stands above what the child asks for")
  func budget() {
    var world = world(
      Policy(checks: [.plain()], watchdog: .seconds(30), startTimeout: .seconds(40)))
    world.advance(.seconds(1))
    world.send(.reported(.saying { $0.extendTimeout = .seconds(600) }))
    #expect(world.sent.first { $0.extendTimeout != .seconds(15) }?.extendTimeout == .seconds(39))
  }

  @Test("what the program says stands in quotes behind what vouch found")
  func text() {
    var world = world()
    world.send(.beat("worker"))
    world.advance(.seconds(2))
    world.send(.reported(.saying { $0.status = "ready to accept" }))
    #expect(
      world.sent.last?.status
        == "ready; heartbeat worker: reported; child says \"ready to accept\"")
    world.advance(.seconds(2))
    world.send(.reported(.saying { $0.status = "" }))
    #expect(world.sent.last?.status == "ready; heartbeat worker: reported")
  }

  @Test("an interval that could leave the watchdog unfed between two reports is refused")
  func arithmetic() {
    let problem = Policy(
      checks: [.component("worker", interval: .seconds(25))], watchdog: .seconds(30)
    ).problem
    #expect(
      problem?.description
        == "heartbeat worker cannot feed the watchdog in time: interval 25 s + a quarter of "
        + "WatchdogSec= (30 s), within which it is fed once, = 32.5 s: make interval= at most "
        + "22.5 s, or WatchdogSec= larger")
    for interval in [Duration.milliseconds(22_500), .seconds(10)] {
      #expect(
        Policy(checks: [.component("worker", interval: interval)], watchdog: .seconds(30)).problem
          == nil)
    }
    let beside = [Check.component("worker", interval: .seconds(3600)), .plain()]
    #expect(Policy(checks: beside, watchdog: .seconds(30)).problem == nil)
  }

  @Test("whenever reports come within the interval, the watchdog is fed in time")
  func fedInTime() {
    let interval = Duration.milliseconds(22_500)
    var random = SplitMix(state: 7)
    for _ in 0..<50 {
      var world = world(
        Policy(checks: [.component("worker", interval: interval)], watchdog: .seconds(30)))
      world.send(.beat("worker"))
      var fed = world.now
      for _ in 0..<100 {
        world.advance(.milliseconds(Int64.random(in: 1..<22_500, using: &random)))
        world.send(.beat("worker"))
        if world.sent.contains(where: { $0.watchdog == .feed }) { fed = world.now }
        #expect(world.now - fed < .seconds(30))
      }
    }
  }
}

extension Event {
  static func beat(_ component: String, status: String? = nil, failed: String? = nil) -> Event {
    var lines = ["VOUCH_COMPONENT=\(component)", "WATCHDOG=1"]
    if let status { lines.append("STATUS=\(status)") }
    var message = NotifyMessage.saying { _ in }
    if let parsed = try? NotifyMessage(parsing: Array(lines.joined(separator: "\n").utf8)) {
      message = parsed
    }
    message.failed = failed.map { $0.replacing("\n", with: " ") }
    return .reported(message)
  }
}

extension NotifyMessage {
  static func saying(_ what: (inout NotifyMessage) -> Void) -> NotifyMessage {
    var message = NotifyMessage()
    what(&message)
    return message
  }
}
