/// What a signal that vouch got asks for.
public enum SignalRole: Hashable, Sendable {
  /// The end of the service (rule 5).
  case stop
  /// A reload (`--on-reload`).
  case reload
  /// Something that only the child can know.
  case other

  /// - Parameters:
  ///   - killSignal: KillSignal= of the unit (systemd.kill(5)), where it is known: some servers are
  ///     stopped by SIGQUIT or SIGWINCH.
  ///   - reloadSignal: ReloadSignal= of the unit (systemd.service(5)), where it is known.
  public static func of(
    _ signal: Int32, from sender: SignalSender, killSignal: Int32? = nil,
    reloadSignal: Int32? = nil
  ) -> SignalRole {
    let (hangup, interrupt, quit, abort, terminate): (Int32, Int32, Int32, Int32, Int32) =
      (1, 2, 3, 6, 15)
    if signal == killSignal, sender == .manager { return .stop }
    if signal == reloadSignal, sender == .manager { return .reload }
    switch signal {
    case interrupt, terminate: return .stop
    // From systemd they end the unit (KillSignal=, WatchdogSignal=), and from a terminal the program;
    // from anybody else they may ask for no more than a dump of its threads.
    case quit, abort: return sender == .process ? .other : .stop
    // The kernel says that the terminal is gone; a process asks for a reload.
    case hangup: return sender == .kernel ? .stop : .reload
    default: return .other
    }
  }
}
