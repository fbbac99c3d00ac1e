/// A point on the monotonic clock, handed in by the caller: Supervision has no clock of its own.
///
/// The clock is CLOCK_MONOTONIC, the one that systemd's watchdog counts by
/// (service_arm_timer in systemd's src/core/service.c), so that time asleep counts for neither.
public struct Moment: Hashable, Comparable, Sendable {
  /// Time since the clock's origin; only differences mean anything.
  public var sinceOrigin: Duration

  public init(sinceOrigin: Duration) { self.sinceOrigin = sinceOrigin }

  public static func < (a: Moment, b: Moment) -> Bool { a.sinceOrigin < b.sinceOrigin }
  public static func + (a: Moment, b: Duration) -> Moment {
    Moment(sinceOrigin: a.sinceOrigin + b)
  }
  public static func - (a: Moment, b: Moment) -> Duration { a.sinceOrigin - b.sinceOrigin }
}

extension Duration {
  /// The way a person says it, to two digits: "1.2 ms", "312 ms", "5 s", "2 min 5 s".
  public var brief: String {
    let micros =
      components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    if micros < 1000 { return "\(micros) µs" }
    if micros < 10_000 { return Self.tenths(micros, of: 1000) + " ms" }
    if micros < 1_000_000 { return "\(micros / 1000) ms" }
    if micros < 60_000_000 { return Self.tenths(micros, of: 1_000_000) + " s" }
    let seconds = micros / 1_000_000
    let minutes = "\(seconds / 60) min"
    return seconds % 60 == 0 ? minutes : "\(minutes) \(seconds % 60) s"
  }

  private static func tenths(_ value: Int64, of unit: Int64) -> String {
    let tenth = value * 10 / unit
    return tenth % 10 == 0 ? "\(tenth / 10)" : "\(tenth / 10).\(tenth % 10)"
  }
}
