/// How much a log line matters, in the words of syslog(3).
public enum LogLevel: Int, Hashable, Sendable, Comparable {
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7
  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// How vouch ends.
public enum Exit: Hashable, Sendable {
  /// The child's end is vouch's end: same code, or same signal.
  case like(ChildEnd)
  /// Exit 0: a stop was asked for while no child ran.
  case stoppedWithoutChild
  /// The child could not be started again: with the status for why.
  case notStarted(Int32)
  /// Exit 0: the child was stopped because nobody used it (`--exit-idle`).
  case idle
  /// Exit 75 (EX_TEMPFAIL of sysexits.h): the budget of `--start-timeout` ran out.
  case startTimeout
}

/// What the shell around Supervision is to do, in the order given.
public enum Effect: Hashable, Sendable {
  /// Begin a probe now, with this much time.
  case probe(CheckID, timeout: Duration)
  /// Drop every probe in flight; no `probeEnded` may follow for them.
  case cancelProbes
  case notify(Notification)
  /// To the child alone.
  case signalChild(NamedSignal)
  /// The same, with SIGCONT behind it, as systemd does it: a child that is stopped must see it.
  case stopChild(NamedSignal)
  /// SIGKILL to the child and its process group.
  case killChild
  /// SIGKILL to whatever the child left behind when it ended.
  case killRest
  /// Start the child again, on the same sockets; answer with `childStarted` or `childNotStarted`.
  case startChild
  /// Look whether connections of others are open at the passed sockets, or wait there, and have
  /// `arrived` sent when the next one comes; answer with `useSeen`.
  ///
  /// Held: with the child and its family stopped, so that what is seen stays so. They go on with the
  /// next `stopChild`, `killChild` or `letGo`; after a `letGo` no answer may follow.
  case seeUse(held: Bool)
  /// Drop the look that is on its way, and let the child and its family go on.
  case letGo
  /// Run the command of `--on-unhealthy exec=` for a check and the reason that it fails with.
  case runAction(check: String, reason: String)
  /// Look what the child has done with the passed sockets; answer with `looked`.
  case look
  /// Find out whether systemd signalled the whole control group; answer with `reachKnown`.
  case askReach
  /// To, or for, the generation beside the one that serves (`--on-reload replace`).
  case other(OtherEffect)
  /// Tell those who wait for a reload what came of it.
  case answer([ReloadTicket], ReloadVerdict)
  case log(LogLevel, String)
  case exit(Exit)
}
