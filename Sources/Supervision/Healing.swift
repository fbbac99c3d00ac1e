/// A child that is being restarted by vouch (rule 4, `--on-unhealthy restart`): READY=1 stays told, the
/// watchdog unfed.
struct Healing: Hashable, Sendable {
  enum Stage: Hashable, Sendable {
    /// The old child has had this signal; SIGKILL is due at a time.
    case stopping(NamedSignal, killAt: Moment?)
    /// Nothing runs until the back-off is over.
    case waiting(until: Moment)
    /// The new child was asked for. A stop that comes now waits for it.
    case launching(stop: NamedSignal?)
    /// The new child runs, and has not passed yet.
    case judging(since: Moment)
  }

  var stage: Stage
  /// When the restart was decided.
  var since: Moment
  /// What the child was found failing with.
  var cause: String
  /// Whether systemd was told RELOADING=1, and waits for READY=1.
  var owesReload = false
  /// Whether the new child is started without a pause: a reload was asked for, and may bring what heals it.
  var hurries = false

  /// Whether a child runs.
  var hasChild: Bool {
    switch stage {
    case .stopping, .judging: true
    case .waiting, .launching: false
    }
  }
}

extension Policy {
  /// How long it may take from the last keep-alive of a child that then hangs until vouch has acted: until
  /// it has triggered the watchdog or begun its command, or until the child, stopped by SIGKILL, is
  /// started again. Nil where nothing is done, or no check gates the watchdog.
  ///
  /// interval + fall × timeout + (fall − 1) × interval/3 for the verdict (DESIGN.md, section 4); of several
  /// checks the quickest finds it out. For a restart the stop and the first pause come on top.
  public var longestWay: Duration? {
    if onUnhealthy == .withhold { return nil }
    let verdict = checks.filter { $0.gates.contains(.watchdog) }.map {
      $0.interval + $0.timeout * $0.fall + $0.interval * ($0.fall - 1) / 3
    }.min()
    guard let verdict, onUnhealthy == .restart else { return verdict }
    return verdict + (stopTimeout ?? Supervision.restartPatience) + BackOff.first
  }
}

/// The pauses between restarts: 0.5 s, doubling to 30 s, a random part of up to a quarter in each, so
/// that services that fell together do not rise together.
struct BackOff: Hashable, Sendable {
  /// A pause never shrinks below this, nor grows above `longest`.
  static let first = Duration.milliseconds(500)
  static let longest = Duration.seconds(30)
  /// A service that was healthy for so long begins with the first pause again: twice the longest, as
  /// the kubelet has it (MaxContainerBackOff).
  static let forgottenAfter = longest * 2

  private(set) var streak = 0
  private var random: UInt64

  init(seed: UInt64) { random = seed }

  mutating func next() -> Duration {
    let base = min(Self.first * (1 << min(streak, 16)), Self.longest * 4 / 5)
    streak += 1
    return base + base * Int(draw() % 1024) / 4096
  }

  mutating func forget() { streak = 0 }

  /// SplitMix64 (Steele, Lea, Flood 2014): enough to spread restarts.
  private mutating func draw() -> UInt64 {
    random &+= 0x9E37_79B9_7F4A_7C15
    var z = random
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
