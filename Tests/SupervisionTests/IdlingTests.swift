import Supervision
import Testing

/// `--exit-idle`.
@Suite struct IdlingTests {
  private static let limit = Duration.seconds(80)

  private func ready(_ change: (inout Policy) -> Void = { _ in }) -> World {
    var policy = Policy(checks: [.plain(interval: .seconds(1000))], exitIdle: Self.limit)
    change(&policy)
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    return world
  }

  private func look(_ world: World) -> Bool? {
    world.effects.compactMap { if case .seeUse(let held) = $0 { held } else { nil } }.first
  }

  /// Ready, and a first look that found nobody.
  private func idle(_ change: (inout Policy) -> Void = { _ in }) -> World {
    var world = ready(change)
    #expect(look(world) == false)
    world.send(.useSeen(.quiet))
    return world
  }

  @Test("without --exit-idle nobody looks")
  func off() {
    let world = ready { $0.exitIdle = nil }
    #expect(look(world) == nil)
  }

  @Test(
    "nobody for so long: the child, held for the last look, gets its stop, and vouch ends with 0")
  func stops() {
    var world = idle()
    let began = world.now
    world.sleep()
    #expect(world.now - began == Self.limit, "nothing wakes vouch before")
    #expect(look(world) == true)
    world.send(.useSeen(.quiet))
    #expect(
      world.effects == [
        .log(.info, "idle for 1 min 20 s: stopping"), .cancelProbes,
        .notify(world.sent[0]), .stopChild(.terminate),
      ])
    #expect(world.sent.map(\.stopping) == [true])
    #expect(world.sent.map(\.status) == ["stopping: idle for 1 min 20 s"])
    world.send(.childEnded(.signaled(.terminate)))
    #expect(world.exit == .idle)
    #expect(world.effects.contains(.log(.info, "the child was killed by SIGTERM")))
    #expect(world.violations == [])
  }

  @Test("it stays up for its least life, whoever is away, and no moment longer")
  func leastLife() {
    var world = idle { $0.leastLife = Self.limit * 3 }
    let began = world.now
    world.sleep()
    #expect(world.now - began == Self.limit * 3)
    #expect(look(world) == true)
    world.send(.useSeen(.quiet))
    #expect(world.effects.contains(.stopChild(.terminate)))
    #expect(world.violations == [])
  }

  @Test("what systemd tells of its limit counts from then on", arguments: [0, 1, 5])
  func toldLeastLife(times: Int) {
    var world = idle { $0.leastLife = Self.limit * 3 }
    let began = world.now
    world.advance(.seconds(1))
    world.toldLeastLife = Self.limit * times
    world.send(.leastLife(Self.limit * times))
    world.sleep()
    if times > 3, look(world) == false {
      world.send(.useSeen(.quiet))
      world.sleep()
    }
    #expect(world.now - began == Self.limit * max(times, 1))
    #expect(look(world) == true)
    world.send(.useSeen(.quiet))
    #expect(world.violations == [])
    #expect(world.effects.contains(.stopChild(.terminate)))
  }

  @Test("whatever the child makes of the stop, the end is a success; what is odd is a warning")
  func anyEnd() {
    let ends: [(ChildEnd, LogLevel)] = [
      (.exited(0), .info), (.exited(143), .info), (.exited(1), .warning),
      (.signaled(NamedSignal(number: 11, name: "SIGSEGV")), .warning),
    ]
    for (end, level) in ends {
      var world = idle()
      world.sleep()
      world.send(.useSeen(.quiet))
      world.send(.childEnded(end))
      #expect(world.exit == .idle)
      #expect(world.effects.contains(.log(level, "the child \(end)")))
    }
  }

  @Test("a connection that came and went begins the count anew")
  func cameAndWent() {
    var world = idle()
    world.advance(.seconds(79))
    world.send(.arrived)
    #expect(world.effects == [])
    world.sleep()
    #expect(
      look(world) == false, "after an eighth of the time it is looked whether it is open still")
    world.send(.useSeen(.quiet))
    let closed = world.now
    world.sleep()
    #expect(look(world) == true)
    #expect(world.now - closed == Self.limit)
  }

  @Test("while a connection is open it is looked for its end every eighth of the time")
  func open() {
    var world = ready()
    for _ in 0..<50 {
      world.send(.useSeen(.busy))
      let before = world.now
      world.sleep()
      #expect(world.now - before == Self.limit / 8)
      #expect(look(world) == false)
    }
    #expect(world.exit == nil)
  }

  @Test("a connection at the edge: the child goes on, without a signal", arguments: [true, false])
  func edge(isSeen: Bool) {
    var world = idle()
    world.sleep()
    if isSeen {
      world.send(.useSeen(.busy))
    } else {
      world.send(.arrived)
      world.send(.useSeen(.quiet))
    }
    #expect(world.effects.contains(.letGo))
    #expect(!world.hasStopped)
    #expect(world.stopsToChild == [])
    #expect(world.violations == [])
  }

  @Test("what cannot be seen is taken for use, and told once")
  func unknown() {
    var world = ready()
    for _ in 0..<3 {
      world.send(.useSeen(.unknown("no memory")))
      world.sleep()
    }
    #expect(world.logs.count { $0.contains("idle") } == 1)
    world.send(.useSeen(.quiet))
    world.sleep()
    #expect(look(world) == true)
  }

  @Test("a child that fails is not stopped for being idle, and once it passes it is")
  func failing() {
    var world = idle { $0.checks = [.plain(interval: .seconds(30))] }
    world.advance(.seconds(79))
    world.send(.clock)
    world.send(.probeEnded(0, .failed("500")))
    world.advance(.seconds(1))
    world.send(.clock)
    #expect(look(world) == nil)
    world.advance(.seconds(10))
    world.send(.clock)
    world.send(.probeEnded(0, .passed("200")))
    world.advance(.seconds(10))
    world.send(.clock)
    #expect(look(world) == true)
  }

  @Test("a reload begins the count anew, when it is over")
  func reload() {
    var world = idle()
    world.advance(.seconds(79))
    world.send(.reload(.hangup, .vouchAlone))
    world.advance(.seconds(5))
    world.send(.clock)
    #expect(look(world) == nil)
    world.send(.probeEnded(0, .passed("200")))
    #expect(look(world) == false)
  }

  @Test("a stop that is asked for while the child is held lets its family go")
  func stopWhileHeld() {
    for reach in [Reach.vouchAlone, .childToo, .unknown] {
      var world = idle()
      world.sleep()
      world.send(.stop(.terminate, reach))
      #expect(world.effects.contains(.letGo))
      world.send(.useSeen(.quiet))
      if reach == .unknown { world.send(.reachKnown(.vouchAlone)) }
      #expect(world.stopsToChild.count == (reach == .childToo ? 0 : 1))
      world.send(.childEnded(.exited(3)))
      #expect(world.exit == .like(.exited(3)), "it was not idle that it ended of")
      #expect(world.violations == [])
    }
  }

  @Test("systemd's stop during the idle one is the same stop: one signal")
  func systemdToo() {
    var world = idle { $0.stopSignal = .quit }
    world.sleep()
    world.send(.useSeen(.quiet))
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.quit])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .idle)
  }
}
