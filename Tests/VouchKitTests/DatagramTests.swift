import NIOCore
import Supervision
import Testing

@testable import VouchKit

@Suite struct DatagramTests {
  @Test("STATUS stands before WATCHDOG=trigger, so that the journal has the reason")
  func trigger() {
    var notification = Notification()
    notification.watchdog = .trigger
    notification.status = "failing 3/3: http /: connect refused"
    #expect(
      notification.datagram == "STATUS=failing 3/3: http /: connect refused\nWATCHDOG=trigger")
  }

  @Test("a reload tells the monotonic time in whole microseconds")
  func reload() {
    var notification = Notification()
    notification.reloading = Moment(sinceOrigin: .nanoseconds(1_234_567_890_999))
    #expect(notification.datagram == "RELOADING=1\nMONOTONIC_USEC=1234567890")
  }

  @Test("a time without end overflows nothing")
  func endless() {
    #expect(Duration.microseconds(Int64.max).nanoseconds == .max)
    #expect(TimeAmount(upToAYear: .microseconds(Int64.max)) == .hours(365 * 24))
    _ = Moment(sinceOrigin: .microseconds(Int64.max)).deadline
  }

  @Test("READY=1 goes with STATUS, and the rest is said as sd_notify(3) has it")
  func rest() {
    var notification = Notification()
    notification.ready = true
    notification.status = "ready"
    notification.extendTimeout = .seconds(15)
    notification.watchdog = .feed
    #expect(
      notification.datagram == "READY=1\nSTATUS=ready\nEXTEND_TIMEOUT_USEC=15000000\nWATCHDOG=1")
    var stopping = Notification()
    stopping.stopping = true
    #expect(stopping.datagram == "STOPPING=1")
  }
}
