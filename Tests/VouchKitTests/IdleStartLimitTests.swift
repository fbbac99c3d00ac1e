import Systemd
import Testing

@testable import VouchKit

@Suite("How short --exit-idle may be for systemd's start limit") struct IdleStartLimitTests {
  private func limit(_ change: (inout OwnUnit) -> Void = { _ in }) -> IdleStartLimit? {
    var unit = OwnUnit(name: "a.service")
    change(&unit)
    return IdleStartLimit(unit)
  }

  @Test("by default five starts in ten seconds: from 2.5 s on nothing is said")
  func standard() {
    #expect(limit() == .standard)
    #expect(limit()?.notice(for: .milliseconds(2500)) == nil)
    #expect(
      limit()?.notice(for: .seconds(1))
        == "--exit-idle 1 s: the service stays up for at least 2.5 s, since systemd gives it up, and its "
        + "socket, at more than 5 starts in 10 s: StartLimitIntervalSec=0 lifts that")
  }

  @Test("what systemd or the unit file says counts, and no limit is none")
  func told() {
    let told = limit {
      $0.startLimitMicroseconds = 60_000_000
      $0.startLimitBurst = 3
    }
    #expect(told?.shortest == .seconds(30))
    let written = limit {
      $0.startLimitText = "1min"
      $0.startLimitBurst = 2
    }
    #expect(written?.shortest == .seconds(60))
    #expect(limit { $0.startLimitMicroseconds = 0 } == nil)
    #expect(limit { $0.startLimitText = "0" } == nil)
    #expect(limit { $0.startLimitBurst = 0 } == nil)
  }

  @Test("a limit for ever, and one that cannot be read")
  func odd() {
    let endless = limit { $0.startLimitMicroseconds = .max }
    #expect(
      endless?.notice(for: .seconds(3600))
        == "--exit-idle 60 min has no effect: with StartLimitIntervalSec=infinity systemd gives up the "
        + "service, and its socket, at its start number 6")
    #expect(limit { $0.startLimitText = "infinity" } == endless)
    #expect(limit { $0.startLimitText = "soon" } == .standard)
  }
}
