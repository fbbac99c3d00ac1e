import Testing

extension UnderSystemd {
  /// Each generation goes on for a while after its stop signal, so that a second one would be seen.
  @Suite("--on-reload replace: each generation gets one stop signal") struct ReplaceStop {
    /// Generation 2 serves and generation 3, which spins, is being judged.
    private func judging(
      _ name: String, _ settings: String, _ body: (Replaceable) async throws -> Void
    ) async throws {
      try await Replaceable.with(name, vouch: "--drain 20s", settings) { app in
        try await app.next("linger 1")
        #expect(try await app.reload().succeeded)
        let first = try await app.process(1)
        try await eventually("the first one has ended") {
          try await app.isAlive(first)
        } holds: {
          !$0
        }
        try await app.next("spin")
        try await app.service.systemctl("reload", "--no-block")
        try await eventually("the third one is judged") {
          try await app.met(3)
        } holds: {
          $0 == ["started"]
        }
        // Past the start of Python itself, which would merge two signals.
        try await Task.sleep(for: .milliseconds(300))
        try await body(app)
        #expect(try await app.met(2) == ["started", "TERM"])
        #expect(try await app.met(3) == ["started", "TERM"])
      }
    }

    @Test("systemctl stop while one is judged", arguments: ["mixed", "control-group"])
    func stop(killMode: String) async throws {
      try await judging("one-signal-\(killMode)", "KillMode=\(killMode)") { app in
        try await app.service.stop()
        #expect(try await app.service.property("Result") == "success")
      }
    }

    @Test("a signal to vouch alone while one is judged", arguments: ["mixed", "control-group"])
    func kill(killMode: String) async throws {
      try await judging("one-kill-\(killMode)", "KillMode=\(killMode)") { app in
        let main = try await app.service.mainPID
        try await app.service.sandbox.run(["kill", "-TERM", String(main)])
        try await app.service.wait(for: "ActiveState", "inactive")
        #expect(try await app.service.property("Result") == "success")
      }
    }

    @Test("systemctl stop while the old one finishes")
    func draining() async throws {
      try await Replaceable.with("one-signal-drain", vouch: "--drain 20s") { app in
        try await app.next("linger 2")
        #expect(try await app.reload().succeeded)
        try await app.next("linger 1")
        #expect(try await app.reload().succeeded)
        try await eventually("the second one finishes") {
          try await app.met(2)
        } holds: {
          $0 == ["started", "TERM"]
        }
        try await app.service.stop()
        #expect(try await app.service.property("Result") == "success")
        #expect(try await app.met(2) == ["started", "TERM"])
        #expect(try await app.met(3) == ["started", "TERM"])
      }
    }
  }
}
