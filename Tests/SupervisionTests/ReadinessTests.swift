import Supervision
import Testing

@Suite struct ReadinessTests {
  @Test("READY=1 goes out with STATUS in one datagram, at the first pass")
  func ready() {
    var world = World(Policy(checks: [.plain("http /healthz")], watchdog: .seconds(30)))
    world.start()
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))), "probing begins at once")
    #expect(world.sent.map(\.status) == ["starting; http /healthz: waiting for an answer"])
    world.advance(.microseconds(1200))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.count == 1)
    #expect(world.sent[0].ready)
    #expect(world.sent[0].status == "ready; http /healthz: 200 in 1.2 ms")
    #expect(world.sent[0].watchdog == nil)
    #expect(world.logs == ["ready after 1.2 ms: http /healthz: 200 in 1.2 ms"])
  }

  @Test("without a check that gates it, READY=1 goes out once the child runs")
  func noCheck() {
    var world = World(Policy(checks: [.plain(gates: .watchdog)]))
    world.start()
    #expect(world.sent.map(\.ready) == [true])
  }

  @Test("READY=1 waits for every gate, and not for a check that gates nothing")
  func everyGate() {
    let checks: [Check] = [.plain("a"), .plain("b", gates: .ready), .plain("c", gates: .none)]
    var world = World(Policy(checks: checks))
    world.start()
    world.send(.probeEnded(2, .failed("connect refused")))
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.readies == 0)
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.readies == 1)
    #expect(
      world.sent.last?.status
        == "ready; failing: c: connect refused; a: 200 in 0 µs; b: 200 in 0 µs")
  }

  @Test("rise passes in a row are needed, and one failure begins the run anew")
  func rise() {
    var world = World(Policy(checks: [.plain(interval: .seconds(9), rise: 3)]))
    world.start()
    let outcomes: [ProbeVerdict] = [
      .passed("200"), .passed("200"), .failed("503"), .passed("200"), .passed("200"),
    ]
    for outcome in outcomes {
      world.send(.probeEnded(0, outcome))
      #expect(world.readies == 0)
      world.sleep()
    }
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.readies == 1)
  }

  @Test("a reload says RELOADING=1, passes the signal on, asks every check anew, then READY=1")
  func reload() {
    var world = World(Policy(checks: [.plain("a"), .plain("b")], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.send(.probeEnded(1, .passed("200")))
    world.advance(.seconds(1))
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.sent.first?.reloading == world.now)
    #expect(world.effects.contains(.signalChild(.hangup)))
    #expect(world.probing.keys.sorted() == [0, 1])
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.readies == 1)
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.readies == 2)
    #expect(world.sent.last?.ready == true)
  }

  @Test("failures during a reload are not counted, and the watchdog goes unfed until it passes")
  func failingReload() {
    var world = World(
      Policy(checks: [.plain(fall: 2)], watchdog: .seconds(30), onUnhealthy: .trigger))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.send(.reload(.hangup, .vouchAlone))
    for _ in 0..<50 {
      world.send(.probeEnded(0, .failed("connect refused")))
      world.sleep()
    }
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.readies == 2)
  }

  @Test("a reload asked for during the start or the stop only reaches the child")
  func reloadWhileStarting() {
    var world = World(Policy(checks: [.plain()]))
    world.start()
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.effects == [.signalChild(.hangup)])
    world.send(.stop(.terminate, .vouchAlone))
    world.send(.reload(.hangup, .vouchAlone))
    #expect(world.effects == [.signalChild(.hangup)])
    // SendSIGHUP= under KillMode=control-group: the child has it from systemd.
    world.send(.reload(.hangup, .unknown))
    #expect(world.effects == [])
  }
}
