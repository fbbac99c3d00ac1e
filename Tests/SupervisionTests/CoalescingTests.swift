import Supervision
import Testing

/// Reloads that are asked for while one goes on come to one more.
@Suite("--on-reload replace: reloads that are asked for meanwhile") struct CoalescingTests {
  enum Course: CaseIterable {
    case allPass, noneStarts, allEnd, allAreLate
  }

  /// Lets everything that is under way come to its end, with nobody asking for more.
  static func settle(_ world: inout World, _ course: Course) {
    for _ in 0..<400 {
      if world.exit != nil { return }
      if world.isAsking {
        world.send(.reachKnown(.vouchAlone))
      } else if world.isLaunching {
        world.send(.childStarted)
        ReplacingTests.report(&world) { .reported($0) }
      } else if world.isRestarting || world.hasStopped || world.saidStopping, world.childRuns {
        world.send(.childEnded(.exited(0)))
      } else if world.other.isLaunching {
        world.send(.other(course == .noneStarts ? .notStarted("no memory") : .started))
        if course == .allPass { ReplacingTests.report(&world) { .other(.reported($0)) } }
      } else if world.other.runsNow, !world.other.isJudged {
        world.send(.other(.ended(.exited(0))))
      } else if world.other.runsNow, course == .allEnd {
        world.send(.other(.ended(.exited(1))))
      } else if !world.probing.isEmpty {
        ReplacingTests.pass(&world)
      } else if world.other.runsNow, course == .allPass {
        if world.other.probing.isEmpty { ReplacingTests.report(&world) { .other(.reported($0)) } }
        if world.other.runsNow, world.other.isJudged { ReplacingTests.pass(&world, other: true) }
      } else if world.other.runsNow {
        // Past every budget, with no answer at all.
        world.advance(.seconds(61))
        world.send(.clock)
      } else if !world.other.asked.isEmpty || world.other.wanted {
        // A serving program that reports must do so now and then, too.
        ReplacingTests.report(&world) { .reported($0) }
        world.sleep()
      } else {
        return
      }
    }
  }

  /// What was broken, without its trace, and the trace in short.
  private static func short(_ world: World) -> String {
    let broken = world.violations.map { $0.prefix { $0 != "," } }
    let trace = world.trace.map { event in
      if case .reported(let message) = event {
        return message.ready ? "ready" : message.reloading ? "reloading" : "report"
      }
      return String("\(event)".prefix(60))
    }
    return "\(broken) after \(trace)"
  }

  /// Whether what follows from here is one more reload at most, with an answer for whoever waits.
  private static func check(_ reached: World, _ course: Course, _ name: String) -> Bool {
    var world = reached
    let owed = world.other.wanted || !world.other.asked.isEmpty
    let goesOn = world.other.isJudged
    settle(&world, course)
    let more = world.secondStarts - reached.secondStarts
    let isForgotten = owed && !goesOn && world.exit == nil && more == 0
    let isSound =
      world.violations.isEmpty && more <= 1 && world.other.asked.isEmpty && !isForgotten
    #expect(isSound, "\(name), \(course): \(more) more, \(short(world))")
    return isSound
  }

  @Test(
    "from everywhere in a reload: one more follows at most, and whoever asked gets one answer",
    arguments: ReplacingTests.replacing.indices)
  func oneMore(policy: Int) {
    let (name, policy) = ReplacingTests.replacing[policy]
    var settled = 0
    for beginning in ReplacingTests.beginnings(policy) {
      _ = EverySequenceTests.walk(beginning, depth: 2) { reached in
        guard reached.exit == nil else { return true }
        settled += 1
        return Course.allCases.allSatisfy { Self.check(reached, $0, name) }
      }
    }
    #expect(settled > 300)
  }

  @Test(
    "and so from wherever a long random sequence leads", arguments: ReplacingTests.replacing.indices
  )
  func oneMoreAfterMany(policy: Int) {
    let (name, policy) = ReplacingTests.replacing[policy]
    var random = SplitMix(state: 0xC0A1)
    for seed in 0..<100 {
      var world = ReplacingTests.ready(policy)
      for _ in 0..<(seed % 25) where world.exit == nil {
        let choices = EverySequenceTests.choices(world)
        var pick = Int(random.next() % UInt64(choices.count))
        // A stop ends it all: seldom, so that much happens before.
        if (2...5).contains(pick), random.next() % 16 != 0 { pick = 6 }
        choices[pick](&world)
      }
      guard world.exit == nil else { continue }
      for course in Course.allCases where !Self.check(world, course, "\(name), \(seed)") { return }
    }
  }
}
