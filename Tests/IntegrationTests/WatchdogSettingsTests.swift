import Testing

extension UnderSystemd {
  /// The table of go-systemd's daemon/watchdog_test.go, re-expressed: whether the watchdog is on
  /// shows in whether a check that cannot feed it in time is refused.
  @Suite("watchdog settings") struct WatchdogSettings {
    enum Outcome { case on, off, error }

    static let table: [(variables: String, outcome: Outcome)] = [
      ("WATCHDOG_USEC=100 WATCHDOG_PID=$$", .on), ("WATCHDOG_USEC=50 WATCHDOG_PID=$$", .on),
      ("WATCHDOG_USEC=1 WATCHDOG_PID=$$", .on), ("WATCHDOG_USEC=1", .on),
      ("", .off), ("WATCHDOG_PID=$$", .off), ("WATCHDOG_USEC=1 WATCHDOG_PID=0", .off),
      ("WATCHDOG_USEC=100 WATCHDOG_PID=1", .off),
      ("WATCHDOG_USEC=-1 WATCHDOG_PID=$$", .error), ("WATCHDOG_USEC=string", .error),
      ("WATCHDOG_USEC=0", .error), ("WATCHDOG_USEC=1 WATCHDOG_PID=string", .error),
    ]

    @Test("each row of go-systemd's table", arguments: table.indices)
    func row(index: Int) async throws {
      let (variables, outcome) = Self.table[index]
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.shell(
        "exec env \(variables) \(Places.Inside.vouch) --http ':1/ interval=1s timeout=1s' -- true",
        seconds: 20)
      switch outcome {
      case .on:
        #expect(result.status == 64)
        #expect(result.errors.contains("cannot feed the watchdog in time"))
      case .off: #expect(result.status == 0, "\(result)")
      case .error:
        #expect(result.status == 64)
        #expect(result.errors.contains("WATCHDOG_USEC="))
      }
    }
  }
}
