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
  init(_ duration: Duration) { self = .nanoseconds(duration.nanoseconds) }
}

extension Duration {
  init(_ amount: TimeAmount) { self = .nanoseconds(amount.nanoseconds) }
}
