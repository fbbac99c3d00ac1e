import Supervision
import Testing

@Suite struct EndingTests {
  private func ready(_ policy: Policy = Policy(checks: [.plain()], watchdog: .seconds(30))) -> World
  {
    var world = World(policy)
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    return world
  }

  @Test("a stop ends probing, tells STOPPING=1 and gives the child one copy")
  func stop() {
    var world = ready()
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.probing.isEmpty)
    #expect(world.sent.map(\.stopping) == [true])
    #expect(world.sent.map(\.status) == ["stopping on SIGTERM"])
    #expect(world.stopsToChild == [.terminate])
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.terminate])
    world.send(.childEnded(.exited(0)))
    #expect(world.exit == .like(.exited(0)))
  }

  @Test("a group stop gives the child no second copy")
  func group() {
    var world = ready()
    world.send(.stop(.terminate, .unknown))
    #expect(world.effects.contains(.askReach))
    #expect(world.sent == [], "STOPPING=1 would change the answer")
    world.send(.reachKnown(.childToo))
    #expect(world.sent.map(\.stopping) == [true])
    #expect(world.stopsToChild == [])
  }

  @Test("a stop signal is followed by SIGCONT, another signal is not")
  func continued() {
    var world = ready()
    world.send(.signal(.usr1, .vouchAlone))
    #expect(world.effects == [.signalChild(.usr1)])
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.effects.contains(.stopChild(.terminate)))
  }

  @Test("another signal is a stronger wish, and reaches the child too")
  func stronger() {
    var world = ready()
    world.send(.stop(.terminate, .vouchAlone))
    world.send(.stop(.quit, .vouchAlone))
    #expect(world.stopsToChild == [.terminate, .quit])
    #expect(world.notifications.count { $0.stopping } == 1)
  }

  @Test("--stop-signal takes the place of the signal that vouch got")
  func stopSignal() {
    var world = ready(Policy(checks: [.plain()], stopSignal: .quit))
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.quit])
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.stopsToChild == [.quit])
  }

  @Test("--stop-timeout ends in SIGKILL, once", arguments: [Reach.vouchAlone, .childToo])
  func stopTimeout(reach: Reach) {
    var world = ready(Policy(checks: [.plain()], stopTimeout: .seconds(2)))
    world.send(.stop(.terminate, reach))
    let stopped = world.now
    world.sleep()
    #expect(world.now - stopped == .seconds(2))
    #expect(world.kills == 1)
    #expect(world.supervision.wakeAt == nil)
  }

  @Test("without --stop-timeout nothing waits for the time")
  func noStopTimeout() {
    var world = ready()
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.supervision.wakeAt == nil)
  }

  @Test("the child's end is vouch's end, by code and by signal")
  func likeChild() {
    for end: ChildEnd in [.exited(0), .exited(255), .signaled(.quit)] {
      var world = ready()
      world.send(.childEnded(end))
      #expect(world.exit == .like(end))
      #expect(world.sent == [])
      world.send(.clock)
      world.send(.stop(.terminate, .vouchAlone))
      #expect(world.effects == [])
    }
  }

  @Test("other signals reach the child as if vouch were not there")
  func others() {
    var world = ready()
    world.send(.signal(.usr1, .vouchAlone))
    #expect(world.effects == [.signalChild(.usr1)])
    world.send(.signal(.usr1, .childToo))
    #expect(world.effects == [])
  }

  @Test("whom a signal reached: every sender, every KillMode=, every answer")
  func reach() {
    for killMode in KillMode.allCases.map(Optional.some) + [nil] {
      for shares in [false, true] {
        func reach(_ sender: SignalSender) -> Reach {
          SignalReach.reach(of: sender, killMode: killMode, childSharesTerminal: shares)
        }
        #expect(reach(.process) == .vouchAlone)
        #expect(reach(.kernel) == (shares ? .childToo : .vouchAlone))
        let isTold = killMode != nil && killMode != .controlGroup
        #expect(reach(.manager) == (isTold ? .vouchAlone : .unknown))
      }
      for stopping in [true, false, nil] {
        let settled = SignalReach.settle(killMode: killMode, unitIsStopping: stopping)
        let isGroup = killMode == .controlGroup && stopping != false
        #expect(settled == (isGroup ? .childToo : .vouchAlone))
      }
    }
  }

  @Test("what a signal asks for")
  func roles() {
    for sender in SignalSender.allCases {
      for number: Int32 in [2, 15] { #expect(SignalRole.of(number, from: sender) == .stop) }
      for number: Int32 in [3, 6] {
        #expect(SignalRole.of(number, from: sender) == (sender == .process ? .other : .stop))
      }
    }
    #expect(SignalRole.of(1, from: .manager) == .reload)
    #expect(SignalRole.of(1, from: .process) == .reload)
    #expect(SignalRole.of(1, from: .kernel) == .stop, "the terminal is gone")
    #expect(SignalRole.of(28, from: .manager) == .other)
    #expect(SignalRole.of(28, from: .manager, killSignal: 28) == .stop)
    #expect(SignalRole.of(28, from: .process, killSignal: 28) == .other)
    #expect(SignalRole.of(12, from: .manager, reloadSignal: 12) == .reload)
  }
}
