// A diagnosis instead of a mystery: where a program that was passed sockets does not become ready, vouch
// looks what it has done with them, and says so. Not once it was ready: then it has taken them.

/// What a look at the program's sockets has found.
public struct Finding: Hashable, Sendable {
  /// One line, to stand behind a reason.
  public var text: String
  /// Whether there is something to mend, which the log should say. Otherwise it is for STATUS alone: the
  /// program may just be slow.
  public var isCertain: Bool
  /// Whether the log has it already.
  public var isLogged: Bool

  public init(_ text: String, isCertain: Bool, isLogged: Bool = false) {
    self.text = text
    self.isCertain = isCertain
    self.isLogged = isLogged
  }
}

extension Supervision {
  /// When it is looked, counted from the start: a healthy start is nearly always over by the first. What
  /// waits longer is looked at once a minute.
  static let lookTimes: [Duration] = [2, 5, 10, 20, 40, 60].map { .seconds($0) }
  static let lookEvery = Duration.seconds(60)

  /// When the next look is due. A short start timeout has its first one halfway.
  var lookDue: Moment? {
    guard policy.hasPassedSockets, case .starting(let since) = phase, hasReadyGates else {
      return nil
    }
    let due =
      looks < Self.lookTimes.count
      ? Self.lookTimes[looks]
      : Self.lookTimes.last! + Self.lookEvery * (looks - Self.lookTimes.count + 1)
    let first = policy.startTimeout.map { $0 / 2 } ?? due
    return since + (looks == 0 ? min(due, first) : due)
  }

  mutating func lookWhenDue(at now: Moment) {
    guard let due = lookDue, due <= now else { return }
    // One look stands for all that a clock which stood still has missed.
    repeat { looks += 1 } while lookDue.map { $0 <= now } ?? false
    effects.append(.look)
  }

  mutating func looked(_ finding: Finding?, at now: Moment) {
    guard case .starting = phase else { return }
    self.finding = finding
    if let finding, finding.isCertain, finding.text != findingLogged {
      findingLogged = finding.text
      if !finding.isLogged { log(.warning, "not ready: \(finding.text)") }
    }
    tellStatus(at: now)
  }

  /// What the last look found, to stand behind a check's reason.
  var findingSuffix: String { finding.map { ": " + $0.text } ?? "" }

  /// What is to mend, for a stop that came before READY=1: systemd's own, for instance, when it lost
  /// patience.
  var findingAtStop: String {
    guard let finding, finding.isCertain else { return "" }
    return "; was not ready: " + finding.text
  }

  /// The child's end before READY=1 is the last that is told.
  mutating func tellFindingAtEnd(_ end: ChildEnd, at now: Moment) {
    guard let finding, finding.isCertain, case .starting = phase else { return }
    lastWords = "the child \(end) before it was ready: \(finding.text)"
  }
}

extension Supervision {
  /// Whether a look has found something that the log was told of.
  public var isDiagnosed: Bool { finding?.isCertain ?? false }
  /// Whether the child runs, and READY=1 was not sent yet in this start.
  public var isStarting: Bool { if case .starting = phase { true } else { false } }
}
