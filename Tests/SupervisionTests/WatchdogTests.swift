import Supervision
import Testing

@Suite struct WatchdogTests {
  @Test("at the default interval every pass feeds the watchdog")
  func everyThird() {
    let watchdog = Duration.seconds(30)
    let interval = Policy.defaultInterval(watchdog: watchdog)
    var world = World(Policy(checks: [.plain(interval: interval)], watchdog: watchdog))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    for _ in 0..<10 {
      let before = world.now
      world.sleep()
      #expect(world.now - before == .seconds(10))
      world.send(.probeEnded(0, .passed("200")))
      #expect(world.sent.map(\.watchdog) == [.feed])
    }
  }

  @Test("quick checks feed at most once per quarter of the period")
  func quarter() {
    var world = World(Policy(checks: [.plain(interval: .seconds(1))], watchdog: .seconds(30)))
    world.start()
    for _ in 0..<301 {
      world.send(.probeEnded(0, .passed("200")))
      world.sleep()
    }
    let feeds = world.notifications.count { $0.watchdog == .feed }
    #expect((30...40).contains(feeds))
    #expect(world.violations == [])
  }

  @Test("nothing feeds the watchdog without a passing result")
  func noTimer() {
    var world = World(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    for _ in 0..<100 {
      world.advance(.seconds(1))
      world.send(.clock)
    }
    #expect(world.notifications.allSatisfy { $0.watchdog == nil })
  }

  @Test("a pass feeds only while the last pass of every other gate is fresh")
  func fresh() {
    let slow = Check.plain("slow", interval: .seconds(60), timeout: .seconds(20))
    var world = World(Policy(checks: [.plain("quick"), slow], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.send(.probeEnded(1, .passed("200")))
    let passed = world.now
    while world.now - passed < .seconds(120) {
      world.sleep()
      if world.probing[0] != nil { world.send(.probeEnded(0, .passed("200"))) }
      let isFed = world.sent.contains { $0.watchdog == .feed }
      // The slow one is asked again after 60 s and never answers: fresh for 20 s more.
      if world.sent.contains(where: { !$0.ready && $0.watchdog == nil }) || isFed {
        #expect(isFed == (world.now - passed < .seconds(80)))
      }
    }
    #expect(world.violations == [])
  }

  @Test("the watchdog of an unchecked child is fed every third of its period while it lives")
  func unchecked() {
    var world = World(Policy(checks: [], watchdog: .milliseconds(300)))
    world.start()
    for _ in 0..<5 {
      let before = world.now
      world.sleep()
      #expect(world.now - before == .milliseconds(100))
      #expect(world.sent.map(\.watchdog) == [.feed])
    }
    world.send(.stop(.terminate, .vouchAlone))
    #expect(world.supervision.wakeAt == nil)
  }

  @Test("a check that cannot feed the watchdog in time is a problem, a slow one beside it is not")
  func arithmetic() {
    let slow = Check.plain("http /", interval: .seconds(20), timeout: .seconds(15))
    let problem = Policy(checks: [slow], watchdog: .seconds(30)).problem
    #expect(
      problem?.description
        == "http / cannot feed the watchdog in time: interval 20 s + timeout 15 s = 35 s, and "
        + "WatchdogSec= is 30 s: make interval= or timeout= smaller, or WatchdogSec= larger")
    #expect(Policy(checks: [slow, .plain("quick")], watchdog: .seconds(30)).problem == nil)
    #expect(Policy(checks: [slow]).problem == nil)
    let readyOnly = Check.plain(interval: .seconds(99), gates: .ready)
    #expect(Policy(checks: [readyOnly], watchdog: .seconds(30)).problem == nil)
  }

  @Test("the defaults fit every watchdog, sub-second ones too")
  func defaults() {
    for milliseconds in [3, 10, 100, 900, 2000, 30_000, 3_600_000] {
      let watchdog = Duration.milliseconds(milliseconds)
      let interval = Policy.defaultInterval(watchdog: watchdog)
      let timeout = Policy.defaultTimeout(interval: interval)
      let check = Check.plain(interval: interval, timeout: timeout)
      #expect(Policy(checks: [check], watchdog: watchdog).problem == nil)
    }
    #expect(Policy.defaultInterval(watchdog: nil) == .seconds(10))
    #expect(Policy.defaultTimeout(interval: .seconds(10)) == .seconds(5))
    #expect(Policy.defaultTimeout(interval: .seconds(2)) == .seconds(2))
  }

  @Test("a period too short to be kept is refused with a check, and never a busy loop without")
  func tooShort() {
    let watchdog = Duration.microseconds(1)
    let interval = Policy.defaultInterval(watchdog: watchdog)
    let check = Check.plain(interval: interval, timeout: Policy.defaultTimeout(interval: interval))
    #expect(Policy(checks: [check], watchdog: watchdog).problem != nil)
    var world = World(Policy(checks: [], watchdog: watchdog))
    world.start()
    let before = world.now
    world.sleep()
    #expect(world.now - before == .milliseconds(1))
  }

  @Test("two checks of one name are a problem")
  func names() {
    let policy = Policy(checks: [.plain("a"), .plain("a")])
    #expect(policy.problem == .sameName("a"))
  }
}
