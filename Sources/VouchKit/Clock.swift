import NIOCore
import Supervision

extension Moment {
  /// NIO's deadlines are of CLOCK_MONOTONIC, as Supervision's moments are.
  static var now: Moment { Moment(NIODeadline.now()) }

  init(_ deadline: NIODeadline) {
    self.init(sinceOrigin: .nanoseconds(Int64(clamping: deadline.uptimeNanoseconds)))
  }

  var deadline: NIODeadline {
    .uptimeNanoseconds(UInt64(clamping: sinceOrigin.nanoseconds))
  }
}

extension TimeAmount {
  /// A year at most: more is for ever, and must not overflow where it is added to a time.
  init(upToAYear duration: Duration) {
    self = .nanoseconds(min(duration, .seconds(365 * 24 * 3600)).nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, or the most that fits: 292 years.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    guard seconds < Int64.max / 1_000_000_000 else { return .max }
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}

extension Duration {
  init(_ amount: TimeAmount) { self = .nanoseconds(amount.nanoseconds) }
}
