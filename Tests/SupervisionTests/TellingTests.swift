import Supervision
import Testing

@Suite struct TellingTests {
  @Test("a READY=1 that systemd did not take is offered again")
  func readyAgain() {
    var world = World(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    for pause in [100, 200, 400, 800, 1600, 1600] {
      world.send(.undelivered(world.sent[0], reason: "queue full"))
      let before = world.now
      world.sleep()
      #expect(world.now - before == .milliseconds(pause))
      #expect(world.sent.map(\.ready) == [true])
    }
    #expect(world.logs.count { $0.hasPrefix("systemd cannot be told") } == 1)
  }

  @Test("nothing feeds the watchdog while systemd has not taken READY=1: it would arm it")
  func noFeedBeforeReady() {
    let checks: [Check] = [.plain("r", gates: .ready), .plain("w", gates: .watchdog)]
    var world = World(Policy(checks: checks, watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(1, .passed("200")))
    world.send(.probeEnded(0, .passed("200")))
    world.send(.undelivered(world.sent[0], reason: "queue full"))
    world.advance(.seconds(10))
    world.send(.clock)
    world.send(.undelivered(world.sent[0], reason: "queue full"))
    world.send(.probeEnded(0, .failed("connect refused")))
    world.send(.probeEnded(1, .passed("200")))
    #expect(world.sent.allSatisfy { !$0.ready && $0.watchdog == nil })
    #expect(world.violations == [])
  }

  @Test("of two datagrams that were refused in one turn neither is forgotten")
  func twoRefused() {
    var world = World(Policy(checks: [.plain("a"), .plain("b", gates: .none)]))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    let first = world.sent[0]
    world.send(.probeEnded(1, .passed("200")))
    let second = world.sent[0]
    world.send(.undelivered(first, reason: "queue full"))
    world.send(.undelivered(second, reason: "queue full"))
    world.advance(.seconds(2))
    world.send(.clock)
    #expect(world.sent.map(\.ready) == [true])
  }

  @Test("a READY=1 that was not taken waits while its checks fail")
  func readyWaits() {
    var world = World(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.send(.undelivered(world.sent[0], reason: "queue full"))
    world.advance(.seconds(10))
    world.send(.clock)
    world.send(.undelivered(world.sent[0], reason: "queue full"))
    world.send(.probeEnded(0, .failed("connect refused")))
    #expect(world.sent.map(\.ready) == [false])
    world.sleep()
    #expect(world.sent.allSatisfy { !$0.ready })
    while world.probing[0] == nil { world.sleep() }
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.ready) == [true])
    #expect(world.violations == [])
  }

  @Test("a keep-alive that was not taken is offered again only while it is true")
  func feedAgain() {
    var world = World(Policy(checks: [.plain()], watchdog: .seconds(30)))
    world.start()
    world.send(.probeEnded(0, .passed("200")))
    world.sleep()
    world.send(.probeEnded(0, .passed("200")))
    #expect(world.sent.map(\.watchdog) == [.feed])
    var failing = world
    world.send(.undelivered(world.sent[0], reason: "queue full"))
    world.sleep()
    #expect(world.sent.map(\.watchdog) == [.feed])

    failing.send(.undelivered(failing.sent[0], reason: "queue full"))
    failing.advance(.seconds(20))
    failing.send(.clock)
    #expect(failing.sent.map(\.watchdog) == [nil], "its pass is no longer fresh")
  }

  @Test("STATUS is sent when it says something new, and for times alone once a second at most")
  func status() {
    var world = World(Policy(checks: [.plain(interval: .milliseconds(100))]))
    world.start()
    for number in 0..<50 {
      world.advance(.microseconds(100 + number * 10))
      world.send(.probeEnded(0, .passed("200")))
      world.sleep()
    }
    #expect((4...8).contains(world.notifications.count))
    world.send(.probeEnded(0, .passed("204")))
    #expect(world.sent.count == 1)
  }

  @Test("STATUS is one line of UTF-8 within a datagram, whatever the checks say")
  func oneLine() {
    var world = World(
      Policy(checks: (0..<100).map { .plain("check \($0) of très long\nname \u{1b}[1m") }))
    world.start()
    for id in 0..<100 {
      world.send(.probeEnded(id, .failed("naïve\r\n" + String(repeating: "é🙂", count: 50))))
    }
    let status = world.notifications.last?.status ?? ""
    #expect(status.utf8.count <= 3800)
    #expect(status.utf8.count > 3700)
    #expect(status.hasSuffix("…"))
    #expect(!status.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test("durations are said the way a person says them")
  func durations() {
    let table: [(Duration, String)] = [
      (.zero, "0 µs"), (.microseconds(999), "999 µs"), (.microseconds(1200), "1.2 ms"),
      (.milliseconds(5), "5 ms"), (.microseconds(312_900), "312 ms"),
      (.milliseconds(1500), "1.5 s"),
      (.seconds(5), "5 s"), (.seconds(59.96), "59.9 s"), (.seconds(60), "1 min"),
      (.seconds(125), "2 min 5 s"),
    ]
    for (duration, text) in table { #expect(duration.brief == text) }
  }
}
