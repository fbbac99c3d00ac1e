import Testing

extension UnderSystemd {
  /// What Server::Starter (Perl), which replaces a server by signal and without a look at whether it
  /// serves, has in its own test suite, told anew for vouch. Each test names its origin.
  @Suite("Server::Starter's own cases") struct ServerStarterCases {
    // t/02-startfail.t and t/03-startfail.t: "read while worker is failing to reboot".
    @Test("t/02-startfail.t: a start that fails keeps the old generation, and a later one succeeds")
    func startFailure() async throws {
      try await Replaceable.with("starter-startfail") { app in
        try await app.next("exit 1")
        for generation in 2...3 {
          #expect(try await !app.reload().succeeded)
          #expect(try await app.met(generation) == ["started"])
          #expect(try await app.answer() == "1")
        }
        try await app.next("ok")
        #expect(try await app.reload().succeeded)
        #expect(try await app.answer() == "4")
      }
    }

    // t/05-killolddelay.t. There the old one is left alone for a fixed time, in the hope that the new
    // one serves by then; here until the new one's checks pass.
    @Test(
      "t/05-killolddelay.t: the old one serves until the new one does, and gets one signal, TERM or USR1",
      arguments: ["TERM", "USR1"])
    func killOldDelay(signal: String) async throws {
      try await Replaceable.with(
        "starter-delay-\(signal)", vouch: "--stop-signal SIG\(signal) --drain 1s"
      ) { app in
        try await app.next("late 2")
        try await app.service.systemctl("reload", "--no-block")
        try await eventually("both run") {
          try await app.met(2)
        } holds: {
          $0 == ["started"]
        }
        #expect(try await app.met(1) == ["started"])
        #expect(try await app.answer() == "1")
        let old = try await app.process(1)
        try await eventually("the old one has ended") {
          try await app.isAlive(old)
        } holds: {
          !$0
        }
        #expect(try await app.met(1) == ["started", signal])
        #expect(try await app.answer() == "2")
      }
    }

    // t/06-autorestart.t: a new generation every auto_restart_interval. systemd has timers for that.
    @Test("t/06-autorestart.t: a timer that reloads replaces the server again and again")
    func autoRestart() async throws {
      try await Replaceable.with("starter-timer") { app in
        let sandbox = app.service.sandbox
        let started = try await sandbox.run([
          "systemd-run", "--unit=starter-timer-again", "--on-active=200ms",
          "--timer-property=OnUnitInactiveSec=1s", "--timer-property=AccuracySec=10ms", "systemctl",
          "reload", app.service.name,
        ])
        #expect(started.succeeded, "\(started)")
        try await eventually("the third generation serves") {
          try await app.answer()
        } holds: {
          Int($0) ?? 0 >= 3
        }
        try await sandbox.run(["systemctl", "stop", "starter-timer-again.timer"])
        #expect(try await app.met(1) == ["started", "TERM"])
        #expect(try await app.met(2) == ["started", "TERM"])
      }
    }

    // t/07-envdir.t.
    @Test(
      "t/07-envdir.t: a new generation has the variables as they are now, and not those removed")
    func environment() async throws {
      let file = Service.freshFile("variables")
      try await Replaceable.with("starter-env", vouch: "--env-file -\(file)") { app in
        let sandbox = app.service.sandbox
        #expect(try await app.answer() == "1")
        for (generation, value) in [(2, "foo-value1"), (3, "foo-value2")] {
          try await sandbox.shell("echo GREETING=\(value) > \(file)")
          #expect(try await app.reload().succeeded)
          #expect(try await app.answer() == "\(generation) \(value)")
        }
        try await sandbox.shell("rm \(file)")
        #expect(try await app.reload().succeeded)
        #expect(try await app.answer() == "4")
      }
    }
  }
}
