import Supervision
import Testing

/// TimeoutStartSec= counts for a reload too: vouch keeps systemd from giving one up that goes on.
@Suite("systemd's patience with a reload that replaces") struct ReloadPatienceTests {
  /// While the new one is judged for 50 seconds: how far systemd was asked to wait, and when, and when
  /// the watchdog would have fired.
  private static func judgeLong(
    _ policy: Policy, servesOn: Bool = true
  ) -> [(at: Moment, until: Moment?, watchdog: Moment?)] {
    var world = ReplacingTests.ready(policy)
    var fed = world.now
    world.send(.reload(.hangup, .vouchAlone))
    var seen: [(at: Moment, until: Moment?, watchdog: Moment?)] = []
    func note() {
      for notification in world.sent {
        if notification.watchdog == .feed { fed = world.now }
        seen.append(
          (
            world.now, notification.extendTimeout.map { world.now + $0 },
            policy.watchdog.map { fed + $0 }
          ))
      }
    }
    note()
    let since = world.now
    world.send(.other(.started))
    note()
    while world.now - since < .seconds(50) {
      if world.probing.isEmpty && world.other.probing.isEmpty {
        world.sleep()
        note()
      }
      for id in world.other.probing.keys.sorted() {
        world.send(.other(.probeEnded(id, .failed("connect refused"))))
        note()
      }
      for id in world.probing.keys.sorted() {
        world.send(.probeEnded(id, servesOn ? .passed("200") : .failed("500")))
        note()
      }
    }
    #expect(world.violations == [])
    #expect(world.other.runsNow, "it is judged still")
    return seen
  }

  @Test("with a watchdog: asked for as long as the watchdog has left, with each feeding")
  func fed() {
    let seen = Self.judgeLong(ReplacingTests.policy)
    var patience = seen[0].at
    for entry in seen {
      #expect(entry.until == entry.watchdog, "neither is pushed beyond the other")
      patience = max(patience, entry.until ?? patience)
      #expect(patience > entry.at, "systemd has not given up meanwhile")
    }
    #expect(patience > seen[0].at + .seconds(50))
  }

  @Test("an old one that does not pass is not given more time by the reload of it")
  func unfed() {
    let seen = Self.judgeLong(ReplacingTests.policy, servesOn: false)
    let watchdog = seen[0].watchdog
    for entry in seen {
      #expect(entry.watchdog == watchdog)
      #expect(entry.until == nil || entry.until == watchdog)
    }
    #expect(seen.contains { $0.until == nil }, "the watchdog fires before the reload is over")
  }

  @Test("without a watchdog: 15 seconds, every 5 seconds")
  func unwatched() {
    var policy = ReplacingTests.policy
    policy.watchdog = nil
    let seen = Self.judgeLong(policy)
    for entry in seen { #expect(entry.until == entry.at + .seconds(15)) }
    for (one, next) in zip(seen, seen.dropFirst()) { #expect(next.at - one.at <= .seconds(5)) }
  }

  @Test("READY=1 ends it: from there on the watchdog is the checks' alone")
  func over() throws {
    for watchdog in [Duration.seconds(30), nil] {
      var policy = ReplacingTests.policy
      policy.watchdog = watchdog
      var world = ReplacingTests.judging(policy)
      for _ in 0..<10 where !world.other.hasServed { ReplacingTests.pass(&world, other: true) }
      let ready = try #require(world.notifications.lastIndex { $0.ready })
      world.send(.other(.ended(.exited(0))))
      for _ in 0..<20 { ReplacingTests.pass(&world) }
      #expect(world.notifications[ready...].allSatisfy { $0.extendTimeout == nil })
    }
  }
}
