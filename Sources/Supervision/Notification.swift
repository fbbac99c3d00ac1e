/// One datagram to systemd, in the terms of sd_notify(3).
public struct Notification: Hashable, Sendable {
  public enum Watchdog: Hashable, Sendable {
    /// WATCHDOG=1: the keep-alive.
    case feed
    /// WATCHDOG=trigger: act as if the keep-alive had not come.
    case trigger
  }

  /// READY=1: start-up, or a reload, is complete.
  public var ready = false
  /// RELOADING=1, with MONOTONIC_USEC, which Type=notify-reload asks for: the time at which it was
  /// decided, later than the signal.
  public var reloading: Moment?
  /// STOPPING=1
  public var stopping = false
  /// STATUS=
  public var status: String?
  /// EXTEND_TIMEOUT_USEC=: this long from now.
  public var extendTimeout: Duration?
  public var watchdog: Watchdog?

  public init() {}

  /// Adds what another one tells, short of STATUS.
  mutating func takeIn(_ other: Notification) {
    ready = ready || other.ready
    reloading = reloading ?? other.reloading
    stopping = stopping || other.stopping
    extendTimeout = extendTimeout ?? other.extendTimeout
    watchdog = other.watchdog == .trigger ? .trigger : watchdog ?? other.watchdog
  }
}
