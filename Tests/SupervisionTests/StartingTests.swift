import Supervision
import Testing

@Suite struct StartingTests {
  @Test("while starting, the wait is never more than 5 % of the time since the start, nor 250 ms")
  func backOff() {
    var world = World(Policy(checks: [.plain()]))
    world.start()
    let start = world.now
    var probes = 0
    while world.now - start < .seconds(60) {
      world.send(.probeEnded(0, .failed("connect refused")))
      let before = world.now
      world.sleep()
      let wait = world.now - before
      let allowed = max((before - start) / 20, .milliseconds(1))
      #expect(wait <= min(allowed, .milliseconds(250)))
      #expect(wait >= .milliseconds(1))
      probes += 1
    }
    #expect(probes < 500)
  }

  @Test("a request that waits in the listen queue is put there again the moment it times out")
  func queue() {
    var world = World(Policy(checks: [.plain(queue: true)]))
    world.start()
    world.advance(.seconds(5))
    world.send(.probeEnded(0, .timedOut("no answer within 5 s (phase head)")))
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))))
  }

  @Test("when the child begins to listen, a check that waits to try again asks at once")
  func listening() {
    var world = World(Policy(checks: [.plain("a"), .plain("b"), .component("worker")]))
    world.start()
    world.advance(.seconds(4))
    world.send(.probeEnded(0, .failed("connect refused")))
    #expect(world.probing.keys.sorted() == [1])
    world.send(.listening)
    // The one in flight goes on.
    #expect(world.effects.contains(.probe(0, timeout: .seconds(5))))
    #expect(world.effects.count { if case .probe = $0 { true } else { false } } == 1)
    #expect(world.logs.allSatisfy { !$0.contains("worker") }, "no report is late for that")
  }

  @Test("once all is well, that the child listens somewhere changes nothing")
  func listeningLater() {
    var world = World(Policy(checks: [.plain()]))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.send(.listening)
    #expect(world.effects.isEmpty)
    world.sleep()
    world.send(.probeEnded(0, .failed("connect refused")))
    world.send(.listening)
    #expect(world.effects.isEmpty, "a failing check keeps its schedule")
  }

  @Test("failures before the first success are not failures")
  func notFailures() {
    var world = World(
      Policy(
        checks: [.plain("a"), .plain("w", fall: 1, gates: .watchdog)], watchdog: .seconds(30),
        onUnhealthy: .trigger))
    world.start()
    for _ in 0..<5 {
      world.send(.probeEnded(0, .failed("connect refused")))
      world.sleep()
    }
    world.send(.probeEnded(0, .passed("200")))
    for _ in 0..<5 {
      world.send(.probeEnded(1, .failed("connect refused")))
      world.sleep()
    }
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
  }

  @Test("with a start timeout systemd is asked for time at once, and again until READY=1")
  func extends() {
    var world = World(Policy(checks: [.plain()], startTimeout: .seconds(60)))
    world.start()
    #expect(world.notifications.contains { ($0.extendTimeout ?? .zero) > .seconds(10) })
    var last = world.now
    while world.now - last < .seconds(20) {
      world.send(.probeEnded(0, .failed("connect refused")))
      world.sleep()
      if world.sent.contains(where: { $0.extendTimeout != nil }) {
        #expect(world.now - last < .seconds(6))
        last = world.now
        if world.notifications.count > 10 { break }
      }
    }
    world.send(.probeEnded(0, .passed("200")))
    let count = world.notifications.count { $0.extendTimeout != nil }
    for _ in 0..<20 {
      world.sleep()
      world.send(.probeEnded(0, .passed("200")))
    }
    #expect(world.notifications.count { $0.extendTimeout != nil } == count)
  }

  @Test("when the start timeout is spent the child is stopped, and vouch exits 75")
  func spent() {
    var world = World(
      Policy(checks: [.plain()], startTimeout: .seconds(3), stopTimeout: .seconds(2)))
    world.start()
    world.send(.probeEnded(0, .failed("connect refused")))
    while world.stopsToChild.isEmpty {
      world.sleep()
      if !world.probing.isEmpty { world.send(.probeEnded(0, .failed("connect refused"))) }
    }
    #expect(world.stopsToChild == [.terminate])
    #expect(
      world.sent.last?.status == "stopping: not ready within 3 s: http /: connect refused")
    #expect(world.sent.last?.stopping == true)
    #expect(world.probing.isEmpty)
    world.sleep()
    #expect(world.kills == 1)
    // systemd's own stop, when it loses patience, is the same stop.
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.terminate])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .startTimeout)
  }

  @Test("a spent start budget ends in SIGKILL without --stop-timeout too: nobody else would")
  func spentAlone() {
    var world = World(Policy(checks: [.plain()], startTimeout: .seconds(3)))
    world.start()
    world.advance(.seconds(3))
    world.send(.clock)
    #expect((world.sent.last?.extendTimeout ?? .zero) > .seconds(90))
    let stopped = world.now
    world.sleep()
    #expect(world.kills == 1)
    #expect(world.now - stopped == .seconds(90))
  }

  @Test("systemd's SIGTERM after a spent start budget is the same stop, --stop-signal or not")
  func spentThenStopped() {
    for own in [nil, NamedSignal.quit] {
      var world = World(Policy(checks: [.plain()], startTimeout: .seconds(3), stopSignal: own))
      world.start()
      world.advance(.seconds(3))
      world.send(.clock)
      world.send(.stop(.terminate, .vouchAlone))
      #expect(world.stopsToChild == [own ?? .terminate])
    }
  }

  @Test("a child that ends by itself during the start decides the exit status")
  func endsEarly() {
    var world = World(Policy(checks: [.plain()], startTimeout: .seconds(3)))
    world.start()
    world.send(.childEnded(.exited(9)))
    #expect(world.exit == .like(.exited(9)))
  }
}
