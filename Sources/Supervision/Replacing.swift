/// What a reload does (`--on-reload`).
public enum OnReload: String, Sendable, Hashable, CaseIterable {
  /// The child gets the signal, and everything is asked anew.
  case forward
  /// A second generation of the child is started beside the first, which it replaces when it passes.
  case replace
}

/// Who waits for what comes of a reload (`vouch reload`): a number of the shell's choice.
public typealias ReloadTicket = Int

/// What came of a reload.
public enum ReloadVerdict: Hashable, Sendable {
  case done
  /// All is as it was before; with the reason.
  case failed(String)
  /// It was not begun, or given up, since the service is being stopped.
  case stopping
}

/// What is asked of the generation beside the one that serves. There is one at most.
public enum OtherEffect: Hashable, Sendable {
  /// Start the child once more, beside the one that serves, on the same sockets, as the generation of
  /// this number; answer with `started` or `notStarted`.
  case start(generation: Int)
  /// Begin a probe that only this generation can answer.
  case probe(CheckID, timeout: Duration)
  /// Drop every probe of this generation in flight; no `probeEnded` may follow for them.
  case cancelProbes
  /// A signal, with SIGCONT behind it.
  case stop(NamedSignal)
  /// SIGKILL to it and its process group.
  case kill
  /// SIGKILL to whatever it left behind when it ended, and to nothing of the generation that serves.
  case killRest
  /// The two change places: the new one serves, and the one that served, where it still runs, is the
  /// other.
  case swap
}

/// What the generation beside the one that serves does.
public enum OtherEvent: Hashable, Sendable {
  case started
  case notStarted(String)
  case probeEnded(CheckID, ProbeVerdict)
  case probeDelayed(CheckID, lost: Duration)
  case listening
  case reported(NotifyMessage)
  case ended(ChildEnd)
}

/// What goes on beside the generation that serves (`--on-reload replace`), and who waits for a reload.
struct Replacing: Sendable {
  /// The numbers of the generation that serves, and of the last that was to be started.
  var serving = 1
  var last = 1
  var other: Other?
  /// Whether systemd was told RELOADING=1, and waits for READY=1.
  var isTold = false
  /// Whether one more reload follows: those that are asked for meanwhile come to one.
  var isWanted = false
  /// Who waits for the reload that goes on, and for the one that follows.
  var waiting: [ReloadTicket] = []
  var waitingForNext: [ReloadTicket] = []
  /// Why the last reload failed, until another one begins.
  var failure: String?
  /// When those that wait for a forwarded reload are told that it takes too long.
  var answerAt: Moment?

  /// Whether a new generation is on its way.
  var isJudging: Bool {
    switch other {
    case .launching, .judging: true
    case .leaving, nil: false
    }
  }
}

/// The generation beside the one that serves.
indirect enum Other: Sendable {
  /// A new one was asked for.
  case launching
  /// It runs and is judged, by the rules of a start: READY=1 there means that it passes.
  case judging(Supervision, since: Moment)
  case leaving(Leaving)
}

/// A generation that is to end: the one that was replaced, or a new one that was given up.
struct Leaving: Hashable, Sendable {
  var generation: Int
  /// Whether it has served.
  var hasServed: Bool
  /// The stop signals that it has had, from vouch or from systemd itself.
  var delivered: Set<NamedSignal> = []
  /// When SIGKILL is due.
  var killAt: Moment?
}

extension Policy {
  /// How long a new generation has to pass its checks, where `--start-timeout` is not given.
  static let replaceBudget = Duration.seconds(60)
  /// How long a generation that was replaced has to finish, where neither `--drain` nor
  /// `--stop-timeout` is given: systemd's TimeoutStopSec= does not see this stop.
  static let drainTime = Duration.seconds(10)

  var reloadBudget: Duration { startTimeout ?? Self.replaceBudget }
  var drainBudget: Duration { drain ?? stopTimeout ?? Self.drainTime }
  /// For a new generation that is given up.
  var withdrawBudget: Duration { stopTimeout ?? Supervision.restartPatience }

  /// The rules by which a new generation is judged: those of a start, without a word to systemd.
  var ofStart: Policy {
    var policy = Policy(checks: checks)
    policy.seed = seed
    return policy
  }
}
