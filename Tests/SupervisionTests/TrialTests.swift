import Supervision
import Testing

@Suite struct TrialTests {
  /// A trial on a clock of its own. Each check is answered `took` after it was asked.
  private struct Bench {
    var trial: Trial
    var now = Moment(sinceOrigin: .seconds(1000))
    var asked: [CheckID: [Duration]] = [:]
    var isOver = false
    private var pending: [(at: Moment, id: CheckID)] = []
    private var timeouts: [CheckID: Duration] = [:]
    private var begin = Moment(sinceOrigin: .seconds(1000))

    init(_ checks: [Check], patience: Duration?) {
      trial = Trial(checks: checks, patience: patience)
    }

    /// Runs it to its end. `answer`: what a check answers to a question asked at this time since the
    /// beginning, and how long it takes for that; nil: nothing within its timeout.
    mutating func run(_ answer: (CheckID, Duration) -> (ProbeVerdict, took: Duration)?) {
      take(trial.begin(at: now), answer)
      var rounds = 0
      while !isOver, rounds < 10_000 {
        rounds += 1
        let next = pending.enumerated().min { $0.element.at < $1.element.at }
        if let next, next.element.at <= (trial.wakeAt ?? next.element.at) {
          let (at, id) = pending.remove(at: next.offset)
          now = at
          let verdict = verdicts.removeValue(forKey: id)!
          take(trial.probeEnded(id, verdict, at: now), answer)
        } else if let wakeAt = trial.wakeAt {
          now = max(now, wakeAt)
          take(trial.clock(at: now), answer)
        } else {
          Issue.record("nothing to wait for, and no end")
          return
        }
      }
      #expect(isOver)
    }

    private var verdicts: [CheckID: ProbeVerdict] = [:]

    private mutating func take(
      _ steps: [Trial.Step], _ answer: (CheckID, Duration) -> (ProbeVerdict, took: Duration)?
    ) {
      for step in steps {
        #expect(!isOver, "nothing follows the end")
        switch step {
        case .end: isOver = true
        case .probe(let id, let timeout):
          #expect(verdicts[id] == nil, "asked while it is being asked")
          asked[id, default: []].append(now - begin)
          var reply = answer(id, now - begin)
          if reply == nil || reply!.took >= timeout {
            reply = (Self.timedOut(after: timeout), timeout)
          }
          verdicts[id] = reply!.0
          pending.append((now + reply!.took, id))
        }
      }
    }

    static func timedOut(after timeout: Duration) -> ProbeVerdict {
      .timedOut("no answer within \(timeout.brief)")
    }

    var elapsed: Duration { now - begin }
    var verdictsTold: [Trial.Verdict] { trial.outcomes.map(\.verdict) }
  }

  private static func check(
    _ name: String = "c", interval: Duration = .seconds(10), timeout: Duration = .seconds(5),
    rise: Int = 1
  ) -> Check {
    Check(name: name, interval: interval, timeout: timeout, rise: rise)
  }

  private static let pass = (ProbeVerdict.passed("200"), took: Duration.milliseconds(2))
  private static let refused = (
    ProbeVerdict.failed("connect refused"), took: Duration.milliseconds(1)
  )

  @Test("without patience each check is asked once, all at the same time")
  func once() {
    var bench = Bench([Self.check(rise: 3), Self.check(), Self.check()], patience: nil)
    bench.run { id, _ in [Self.pass, Self.refused, (.inconclusive("no descriptors"), .zero)][id] }
    #expect(bench.verdictsTold == [.passed, .failed, .unknown])
    #expect(bench.asked == [0: [.zero], 1: [.zero], 2: [.zero]])
    #expect(bench.trial.outcomes.map(\.tries) == [1, 1, 1])
    #expect(bench.trial.outcomes[0].took == .milliseconds(2))
    #expect(bench.elapsed == .milliseconds(2))
  }

  @Test("with patience a failure is tried again, soon at first, and never later than 250 ms")
  func patience() {
    var bench = Bench([Self.check()], patience: .seconds(60))
    bench.run { _, at in at < .seconds(20) ? Self.refused : Self.pass }
    #expect(bench.verdictsTold == [.passed])
    #expect(bench.elapsed < .seconds(20.3))
    let asked = bench.asked[0]!
    for (before, after) in zip(asked, asked.dropFirst()) {
      let pause = after - before - .milliseconds(1)
      #expect(pause >= .milliseconds(1))
      #expect(pause <= min(max(after / 20, .milliseconds(1)), .milliseconds(250)))
    }
    #expect(bench.trial.outcomes[0].tries == asked.count)
  }

  @Test("one that passed is not asked again while others are waited for")
  func leftInPeace() {
    var bench = Bench([Self.check("a"), Self.check("b")], patience: .seconds(60))
    bench.run { id, at in id == 0 || at > .seconds(3) ? Self.pass : Self.refused }
    #expect(bench.verdictsTold == [.passed, .passed])
    #expect(bench.asked[0]?.count == 1)
  }

  @Test("a pass that grew older than interval + timeout is asked for anew before all pass")
  func stale() {
    // An old instance answers /healthz until it ends at 2 s; the new one is up at 30 s, its second
    // port at 20 s.
    var bench = Bench([Self.check("a"), Self.check("b")], patience: .seconds(60))
    bench.run { id, at in
      switch id {
      case 0: at < .seconds(2) || at > .seconds(30) ? Self.pass : Self.refused
      default: at > .seconds(20) ? Self.pass : Self.refused
      }
    }
    #expect(bench.verdictsTold == [.passed, .passed])
    #expect(bench.elapsed >= .seconds(30))
    #expect(bench.elapsed < .seconds(30.3))
  }

  @Test("slow checks of unlike length do not chase each other's freshness for ever")
  func noChase() {
    let checks = [
      Self.check("slow", interval: .milliseconds(1), timeout: .seconds(5)),
      Self.check("slower", interval: .milliseconds(1), timeout: .seconds(6)),
      Self.check("quick", interval: .milliseconds(1), timeout: .milliseconds(5)),
    ]
    var bench = Bench(checks, patience: .seconds(60))
    bench.run { id, _ in
      (.passed("200"), took: [.seconds(4), .seconds(5.5), .milliseconds(1)][id])
    }
    #expect(bench.verdictsTold == [.passed, .passed, .passed])
    #expect(bench.elapsed < .seconds(7))
  }

  @Test("rise= is honoured with patience")
  func rise() {
    var bench = Bench([Self.check(rise: 3)], patience: .seconds(5))
    var count = 0
    bench.run { _, _ in
      count += 1
      return count == 2 ? Self.refused : Self.pass
    }
    #expect(bench.verdictsTold == [.passed])
    #expect(count == 5)
  }

  @Test("the end comes when the patience is over, however long a check may take")
  func bounded() {
    var bench = Bench(
      [Self.check("hangs", timeout: .seconds(3)), Self.check("refuses")], patience: .seconds(10))
    bench.run { id, _ in id == 0 ? nil : Self.refused }
    #expect(bench.verdictsTold == [.failed, .failed])
    #expect(bench.elapsed <= .seconds(10))
    // The last try was cut short by the end; the reason is that of a whole one.
    #expect(bench.trial.outcomes[0].reason == "no answer within 3 s")
    #expect(bench.trial.outcomes[1].reason == "connect refused")
  }

  @Test("with less patience than a check's timeout, it is asked once, for so long")
  func cut() {
    var bench = Bench([Self.check()], patience: .milliseconds(200))
    bench.run { _, _ in nil }
    #expect(bench.trial.outcomes[0].reason == "no answer within 200 ms")
    #expect(bench.elapsed == .milliseconds(200))
  }

  @Test("too few passes in a row at the end are no pass, and the reason says so")
  func tooFew() {
    var bench = Bench([Self.check(rise: 1000)], patience: .milliseconds(100))
    bench.run { _, _ in Self.pass }
    #expect(bench.verdictsTold == [.failed])
    #expect(bench.trial.outcomes[0].reason.hasSuffix("of 1000 times in a row"))
  }

  @Test("a pass too old, with no time to ask again, is no pass")
  func oldAtTheEnd() {
    let checks = [
      Self.check("a", interval: .milliseconds(10), timeout: .milliseconds(10)),
      Self.check("b"),
    ]
    var bench = Bench(checks, patience: .seconds(1))
    bench.run { id, at in
      // b's answer comes at the very end.
      if id == 0 { return at < .milliseconds(10) ? Self.pass : nil }
      return (.passed("200"), took: .milliseconds(999))
    }
    #expect(bench.verdictsTold == [.failed, .passed])
  }

  @Test("an answer that may have waited unread is asked for again, while there is time (rule 7)")
  func unread() {
    let now = Moment(sinceOrigin: .seconds(5))
    let answer = ProbeVerdict.stale("200", late: .seconds(2))
    var waiting = Trial(checks: [Self.check()], patience: .seconds(30))
    _ = waiting.begin(at: now)
    #expect(waiting.probeEnded(0, answer, at: now + .seconds(2)) == [])
    #expect(waiting.outcomes.map(\.verdict) == [.unknown])
    #expect(waiting.wakeAt != nil)
    var once = Trial(checks: [Self.check()], patience: nil)
    _ = once.begin(at: now)
    #expect(once.probeEnded(0, answer, at: now + .seconds(2)) == [.end])
    #expect(once.outcomes.map(\.verdict) == [.passed])
  }

  @Test("vouch's own trouble is tried again, and is no failure at the end")
  func trouble() {
    var bench = Bench([Self.check()], patience: .seconds(2))
    bench.run { _, _ in (.inconclusive("no descriptors"), took: .milliseconds(1)) }
    #expect(bench.verdictsTold == [.unknown])
    #expect(bench.trial.outcomes[0].tries > 5)
  }
}
