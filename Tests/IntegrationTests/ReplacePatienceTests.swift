import Testing

extension UnderSystemd {
  @Suite("systemd's patience with --on-reload replace") struct ReplacePatienceTests {
    @Test(
      "a reload that takes longer than TimeoutStartSec= is not given up, with a watchdog and without",
      arguments: ["WatchdogSec=20", "WatchdogSec=3", "WatchdogSec=0"])
    func longReload(watchdog: String) async throws {
      let name = "replace-long-\(watchdog.suffix(2).filter(\.isNumber))"
      try await Replaceable.with(name, watchdog, "TimeoutStartSec=2") { app in
        try await app.next("late 6")
        let reloaded = try await app.reload()
        #expect(reloaded.succeeded, "\(reloaded)")
        #expect(try await app.answer() == "2")
        #expect(try await app.service.property("NRestarts") == "0")
        #expect(try await app.service.property("ActiveState") == "active")
      }
    }

    @Test("nor is one of Type=notify-reload")
    func notifyReload() async throws {
      guard try await Sandbox.shared.systemdVersion >= 253 else {
        try Test.cancel("Type=notify-reload came with systemd 253")
      }
      for watchdog in ["WatchdogSec=20", "WatchdogSec=0"] {
        try await Replaceable.with(
          "replace-long-notify-\(watchdog.count)", watchdog, "TimeoutStartSec=2",
          "Type=notify-reload", "ExecReload="
        ) { app in
          try await app.next("late 6")
          let reloaded = try await app.reload()
          #expect(reloaded.succeeded, "\(reloaded)")
          #expect(try await app.answer() == "2")
          #expect(try await app.service.property("ActiveState") == "active")
        }
      }
    }
  }
}
