import Testing

extension UnderSystemd {
  @Suite("--on-reload replace: the watchdog is fed by the generation that serves, and by no other")
  struct ReplaceWatchdog {
    private func freeze(_ app: Replaceable, _ generation: Int) async throws {
      let process = try await app.process(generation) ?? 0
      try await app.service.sandbox.run(["kill", "-STOP", String(process)])
    }

    private func beginReload(_ app: Replaceable, to what: String) async throws {
      try await app.next(what)
      try await app.service.systemctl("reload", "--no-block")
      try await eventually("the new one is judged") {
        try await app.met(2)
      } holds: {
        $0 == ["started"]
      }
    }

    @Test("the old one hangs while the new one is judged: its watchdog ends the service in time")
    func oldHangs() async throws {
      try await Replaceable.with("replace-old-hangs", "WatchdogSec=2") { app in
        try await beginReload(app, to: "hang")
        try await freeze(app, 1)
        try await app.service.wait(for: "Result", "watchdog", within: 8)
        try await app.service.wait(for: "ActiveState", "failed")
        #expect(try await !app.isAlive(try await app.process(1)))
        #expect(try await !app.isAlive(try await app.process(2)))
      }
    }

    @Test(
      "the old one hangs while the new one is judged, which passes before the watchdog's period ends"
    )
    func oldHangsAndIsReplaced() async throws {
      try await Replaceable.with("replace-old-hung", vouch: "--drain 1s", "WatchdogSec=8") { app in
        try await beginReload(app, to: "late 2")
        try await freeze(app, 1)
        try await app.service.wait(for: "StatusText", "serves") { $0.hasPrefix("ready;") }
        #expect(try await app.answer() == "2")
        let old = try await app.process(1)
        try await eventually("the frozen one is killed after --drain, if the signals do not end it")
        {
          try await app.isAlive(old)
        } holds: {
          !$0
        }
        try await Task.sleep(for: .seconds(9))
        #expect(try await app.service.property("ActiveState") == "active")
        #expect(try await app.service.property("Result") == "success")
      }
    }

    @Test(
      "the new one hangs right after its promotion: what the old one still answers feeds nothing")
    func newHangs() async throws {
      try await Replaceable.with(
        "replace-new-hangs", vouch: "--drain 60s", "WatchdogSec=2"
      ) { app in
        // It accepts while it finishes, as a server may that does not close what it listens on.
        try await app.next("stay 60")
        #expect(try await app.reload().succeeded)
        try await app.next("ok")
        #expect(try await app.reload().succeeded)
        // For more than a period of the watchdog's it is fed.
        try await Task.sleep(for: .seconds(3))
        #expect(try await app.service.property("ActiveState") == "active")
        try await freeze(app, 3)
        let old = try await app.process(2)
        #expect(try await app.isAlive(old), "it serves on")
        try await app.service.wait(for: "Result", "watchdog", within: 8)
      }
    }
  }
}
