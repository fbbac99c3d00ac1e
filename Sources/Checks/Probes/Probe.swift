import NIOCore

/// What one probe found. The texts fit one line and never hold any of the answer's body.
public enum ProbeResult: Sendable, Hashable {
  /// With what to show for it, without the time: "200", "connected", "exit 0".
  case passed(String)
  /// With the reason: "connect refused", "503, expected 200-399",
  /// "connection reset by peer (phase head)".
  case failed(String)
  /// Failed because the time was up; the reason names the phase:
  /// "no answer within 5 s (phase head)". Time that was lost is left out.
  case timedOut(String)
  /// It would have passed, with this detail, but vouch was kept from running for so long just before:
  /// the answer may be as old (rule 7).
  case stale(String, late: TimeAmount)
  /// The prober's own trouble, which says nothing of the child (rule 7).
  case inconclusive(String)
}

/// A way to find out whether the child is well, as often as wanted. All of it belongs to the event
/// loop's thread.
public protocol Probe: AnyObject {
  /// Begins to probe. A probe is not begun again before it has ended or was cancelled.
  ///
  /// - Parameters:
  ///   - loop: the loop that this is called on.
  ///   - timeout: how long the probe may take, from its start to its end. Above zero.
  ///   - done: called once, on the loop, after this function has returned; not called at all after
  ///     `cancel()`.
  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe
}

/// A probe that has begun.
public protocol RunningProbe: AnyObject {
  /// Called where its time is up, but vouch or the processes below it were kept from running for some
  /// of it: with how much that was, beyond what was told before. The probe goes on for as long.
  var delayed: ((TimeAmount) -> Void)? { get set }
  /// Ends it at once, and `done` is not called any more. Does nothing to a probe that has ended.
  func cancel()
}
