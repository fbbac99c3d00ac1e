import Supervision
import Testing

/// Every short sequence of events, and many long ones, walked against a world that refuses what
/// must never be done.
@Suite struct EverySequenceTests {
  static let policies: [(String, Policy)] = [
    ("no check", Policy(checks: [], watchdog: .seconds(30))),
    ("one check", Policy(checks: [.plain()], watchdog: .seconds(30))),
    (
      "one check that triggers",
      Policy(checks: [.plain(fall: 2)], watchdog: .seconds(30), onUnhealthy: .trigger)
    ),
    (
      "two checks, one each for ready and the watchdog",
      Policy(
        checks: [.plain("a", gates: .ready), .plain("b", gates: .watchdog)],
        watchdog: .seconds(30), onUnhealthy: .trigger)
    ),
    (
      "rise of two, start timeout, stop timeout, a stop signal of its own",
      Policy(
        checks: [.plain(rise: 2, queue: true)], watchdog: .seconds(30),
        startTimeout: .seconds(20), stopSignal: .quit, stopTimeout: .seconds(3))
    ),
    ("without a watchdog", Policy(checks: [.plain(fall: 1)], onUnhealthy: .trigger)),
    (
      "one check that restarts",
      Policy(
        checks: [.plain(fall: 1)], watchdog: .seconds(60), startTimeout: .seconds(20),
        onUnhealthy: .restart)
    ),
    (
      "two checks that restart, after a stop signal of its own",
      Policy(
        checks: [.plain("a", fall: 1), .plain("b", fall: 1, rise: 2, gates: .watchdog)],
        onUnhealthy: .restart, stopSignal: .interrupt, stopTimeout: .seconds(3))
    ),
    (
      "a heartbeat that triggers",
      Policy(
        checks: [.component("worker", fall: 2)], watchdog: .seconds(30), onUnhealthy: .trigger)
    ),
    (
      "the program's own protocol and a heartbeat that restart",
      Policy(
        checks: [.program(fall: 1), .component("worker", fall: 1, rise: 2, gates: .watchdog)],
        watchdog: .seconds(60), startTimeout: .seconds(20), onUnhealthy: .restart)
    ),
    (
      "the program's READY=1 beside a check",
      Policy(checks: [.program(gates: .ready), .plain(fall: 1)], watchdog: .seconds(30))
    ),
    (
      "a check on a passed socket that may be left alone",
      {
        var policy = Policy(
          checks: [.plain(queue: true)], watchdog: .seconds(30), startTimeout: .seconds(20))
        policy.hasPassedSockets = true
        return policy
      }()
    ),
    (
      "idle for a while",
      Policy(
        checks: [.plain(interval: .seconds(4), fall: 1)], watchdog: .seconds(30),
        stopTimeout: .seconds(3), exitIdle: .seconds(10))
    ),
    (
      "idle for less than an interval, restarting",
      {
        var policy = Policy(
          checks: [.plain(fall: 1), .component("worker", gates: .watchdog)],
          watchdog: .seconds(60), startTimeout: .seconds(20), onUnhealthy: .restart,
          stopSignal: .quit, exitIdle: .seconds(2))
        policy.leastLife = .seconds(5)
        return policy
      }()
    ),
    ("a command", Policy(checks: [.plain(fall: 1)], watchdog: .seconds(30), onUnhealthy: .command)),
  ]

  /// What can happen next in this world.
  static func choices(_ world: World) -> [(inout World) -> Void] {
    var all: [(inout World) -> Void] = [
      { $0.sleep() },
      {
        $0.advance(.seconds(7))
        $0.send(.clock)
      },
      { $0.send(.stop(.terminate, .vouchAlone)) },
      { $0.send(.stop(.terminate, .childToo)) },
      { $0.send(.stop(.terminate, .unknown)) },
      { $0.send(.stop(.interrupt, .vouchAlone)) },
      { $0.send(.reload(.hangup, .vouchAlone)) },
      { $0.send(.signal(.usr1, .unknown)) },
      { $0.send($0.childRuns ? .childEnded(.exited(3)) : .clock) },
    ]
    if world.looks > world.looked {
      all.append { $0.send(.looked(Finding("it listens elsewhere", isCertain: true))) }
      all.append { $0.send(.looked(nil)) }
    }
    // It matters while a start is judged, and a check is not being asked, alone.
    if world.childRuns, world.readies == 0 || world.restarts > 0,
      world.probing.count < world.policy.checks.count, world.trace.last != .listening
    {
      all.append { $0.send(.listening) }
    }
    if world.isLaunching {
      all.append { $0.send(.childStarted) }
      all.append { $0.send(.childNotStarted("no memory", exitCode: 70)) }
    }
    if world.policy.onReload == .replace { all += otherChoices(world) }
    if world.isLooking {
      all.append { $0.send(.useSeen(.quiet)) }
      all.append { $0.send(.useSeen(.busy)) }
      all.append { $0.send(.useSeen(.unknown("no memory"))) }
    }
    // A second one right behind the first says nothing new.
    if world.policy.exitIdle != nil, world.trace.last != .arrived {
      all.append { $0.send(.arrived) }
    }
    if world.isAsking {
      all.append { $0.send(.reachKnown(.vouchAlone)) }
      all.append { $0.send(.reachKnown(.childToo)) }
    }
    if let last = world.sent.last {
      all.append { $0.send(.undelivered(last, reason: "full")) }
    }
    for check in world.policy.checks {
      switch check.reporter {
      case .component(let name):
        all.append { $0.send(.beat(name)) }
        all.append { $0.send(.beat(name, failed: "no disk")) }
      case .program:
        all.append { $0.send(.reported(.saying { $0.ready = true })) }
        all.append { $0.send(.reported(.saying { $0.watchdog = .alive })) }
        all.append { $0.send(.reported(.saying { $0.reloading = true })) }
        all.append { $0.send(.reported(.saying { $0.stopping = true })) }
        all.append { $0.send(.reported(.saying { $0.watchdog = .trigger })) }
        all.append {
          $0.send(.reported(.saying { ($0.extendTimeout, $0.status) = (.seconds(3), "busy") }))
        }
      case nil: break
      }
    }
    for id in world.probing.keys.sorted() {
      all.append {
        $0.advance(.milliseconds(3))
        $0.send(.probeEnded(id, .passed("200")))
      }
      all.append { $0.send(.probeEnded(id, .failed("connect refused"))) }
      all.append {
        $0.advance(.seconds(5))
        $0.send(.probeEnded(id, .timedOut("no answer within 5 s (phase head)")))
      }
      all.append {
        $0.advance(.seconds(4))
        $0.send(.probeDelayed(id, lost: .seconds(3)))
      }
      all.append { $0.send(.probeEnded(id, .stale("200", late: .seconds(1)))) }
      all.append { $0.send(.probeEnded(id, .inconclusive("no descriptors"))) }
    }
    return all
  }

  /// What the generation beside the one that serves can do next.
  static func otherChoices(_ world: World) -> [(inout World) -> Void] {
    let ticket = world.trace.count
    var all: [(inout World) -> Void] = [{ $0.send(.reloadAsked(ticket)) }]
    if world.other.isLaunching {
      all.append { $0.send(.other(.started)) }
      all.append { $0.send(.other(.notStarted("no memory"))) }
    }
    guard world.other.runsNow else { return all }
    all.append { $0.send(.other(.ended(.exited(1)))) }
    for check in world.policy.checks where check.reporter != nil {
      if case .component(let name) = check.reporter {
        all.append {
          $0.send(.other(.reported(.saying { ($0.component, $0.watchdog) = (name, .alive) })))
        }
      } else {
        all.append { $0.send(.other(.reported(.saying { $0.ready = true }))) }
        all.append { $0.send(.other(.reported(.saying { $0.stopping = true }))) }
      }
    }
    for id in world.other.probing.keys.sorted() {
      all.append {
        $0.advance(.milliseconds(3))
        $0.send(.other(.probeEnded(id, .passed("200"))))
      }
      all.append { $0.send(.other(.probeEnded(id, .failed("500")))) }
      all.append { $0.send(.other(.probeEnded(id, .inconclusive("no descriptors")))) }
    }
    return all
  }

  static func walk(_ world: World, depth: Int, _ visit: (World) -> Bool) -> Bool {
    if !visit(world) { return false }
    guard depth > 0, world.exit == nil else { return true }
    for choice in choices(world) {
      var next = world
      choice(&next)
      if !walk(next, depth: depth - 1, visit) { return false }
    }
    return true
  }

  @Test("every sequence of up to five events keeps the invariants", arguments: policies.indices)
  func everyShortSequence(policy: Int) {
    var world = World(Self.policies[policy].1)
    world.start()
    var walked = 0
    _ = Self.walk(world, depth: 5) { world in
      walked += 1
      #expect(world.violations == [], "\(Self.policies[policy].0)")
      return world.violations.isEmpty
    }
    #expect(walked > 10_000)
  }

  @Test("long random sequences keep the invariants", arguments: policies.indices)
  func longSequences(policy: Int) { Self.walkFar(Self.policies[policy]) }

  static func walkFar(_ policy: (name: String, policy: Policy)) {
    var random = SplitMix(state: 0x5EED)
    for seed in 0..<300 {
      var world = World(policy.policy)
      world.start()
      for _ in 0..<120 where world.exit == nil {
        let choices = Self.choices(world)
        // Stops and ends are drawn seldom, so that sequences grow long.
        var pick = Int(random.next() % UInt64(choices.count))
        if (2...8).contains(pick), random.next() % 8 != 0 { pick = choices.count - 1 }
        choices[pick](&world)
      }
      #expect(world.violations == [], "\(policy.name), sequence \(seed)")
      if !world.violations.isEmpty { return }
    }
  }

  @Test("a stop reaches the child exactly once, whoever delivered it, in every sequence")
  func exactlyOneStop() {
    for (name, policy) in Self.policies {
      var world = World(policy)
      world.start()
      _ = Self.walk(world, depth: 3) { world in
        var stopped = world
        guard stopped.exit == nil, !stopped.hasStopped, stopped.stopsToChild.isEmpty else {
          return true
        }
        stopped.send(.stop(.terminate, .unknown))
        let before = stopped.stopsToChild.count
        #expect(before == 0, "\(name): not before systemd has answered")
        stopped.send(.stop(.terminate, .unknown))
        stopped.send(.reachKnown(.vouchAlone))
        stopped.send(.stop(.terminate, .vouchAlone))
        stopped.sleep()
        #expect(stopped.stopsToChild == [policy.stopSignal ?? .terminate], "\(name)")
        return true
      }
    }
  }
}

/// A small generator with a seed, so that a failure can be run again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
