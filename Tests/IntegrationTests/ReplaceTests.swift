import Testing

extension UnderSystemd {
  @Suite("--on-reload replace") struct Replace {
    @Test("a reload starts a second generation, which serves when it passes; the first one ends")
    func replaced() async throws {
      try await Replaceable.with("replaced") { app in
        let main = try await app.service.mainPID
        #expect(try await app.answer() == "1")
        for generation in 2...4 {
          let reloaded = try await app.reload()
          #expect(reloaded.succeeded, "\(reloaded)")
          let old = try await app.process(generation - 1)
          try await eventually("the old one has ended") {
            try await app.isAlive(old)
          } holds: {
            !$0
          }
          #expect(try await app.answer() == "\(generation)")
          #expect(try await app.met(generation - 1) == ["started", "TERM"])
        }
        #expect(try await app.service.mainPID == main)
        #expect(try await app.service.property("ActiveState") == "active")
        let fed = try await app.service.property("WatchdogTimestampMonotonic")
        try await app.service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        try await app.service.stop()
        #expect(try await app.service.property("Result") == "success")
        #expect(try await app.met(4) == ["started", "TERM"])
      }
    }

    @Test(
      "a new one that does not pass is given up: the reload fails, and the old one never notices",
      arguments: [
        ("exit 3", "generation 2: it exited with status 3"),
        ("status 503", "generation 2: not healthy within 2 s: http /: 503, expected 200-399"),
        ("hang", "generation 2: not healthy within 2 s: http /"),
        ("deaf", "generation 2: not healthy within 2 s: http /"),
      ])
    func rollback(what: String, reason: String) async throws {
      let name = "rollback-" + what.split(separator: " ")[0]
      try await Replaceable.with(name, vouch: "--start-timeout 2s --stop-timeout 1s") { app in
        let main = try await app.service.mainPID
        try await app.next(what)
        let reloaded = try await app.reload()
        #expect(!reloaded.succeeded)
        #expect(try await app.service.property("ActiveState") == "active")
        #expect(try await app.service.mainPID == main)
        let status = try await app.service.property("StatusText")
        #expect(status.hasPrefix("ready; http /: 200"), "\(status)")
        #expect(status.contains("; reload failed: \(reason)"), "\(status)")
        // What vouch reload says.
        try await app.service.logged("reload: \(reason)")
        #expect(try await app.answer() == "1")
        try await app.next("ok")
        let again = try await app.reload()
        #expect(again.succeeded, "\(again)")
        #expect(try await app.answer() == "3")
        #expect(try await app.met(1) == ["started", "TERM"])
        if what != "exit 3" { #expect(try await app.met(2) == ["started", "TERM"]) }
        #expect(try await !app.isAlive(try await app.process(2)))
      }
    }

    @Test("a program that is missing at the reload is one that cannot be started; VOUCH_GENERATION")
    func missing() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("replaceable")
      let program = Service.freshFile("program")
      try await sandbox.shell(
        "echo ok > \(control); "
          + "cp \(Places.Inside.fixtures)/replaceable.py \(program); chmod 755 \(program)")
      let text = serviceText(
        vouch: "--http / --on-reload replace --listen 127.0.0.1:\(port)",
        child: "\(program) \(control)", "ExecReload=\(Places.Inside.vouch) reload", "Restart=no")
      try await sandbox.withService("replace-missing", text) { service in
        try await service.start()
        try await sandbox.shell("mv \(program) \(program).away")
        #expect(try await !service.systemctl("reload").succeeded)
        #expect(try await service.property("ActiveState") == "active")
        let status = try await service.property("StatusText")
        #expect(status.hasSuffix("generation 2: command not found: \(program)"), "\(status)")
        try await sandbox.shell("mv \(program).away \(program)")
        #expect(try await service.systemctl("reload").succeeded)
      }
    }

    @Test("the old one has --drain to finish; then it is killed, with what it leaves behind")
    func drain() async throws {
      try await Replaceable.with("drain", vouch: "--drain 2s") { app in
        try await app.next("worker")
        #expect(try await app.reload().succeeded)
        try await app.next("linger 60")
        // Generation 2's worker ignores SIGTERM, and is in a session of its own.
        #expect(try await app.reload().succeeded)
        try await eventually("the old one and its worker are gone") {
          let worker = try await app.log().first { $0[2] == "worker" }.flatMap { Int($0[1]) }
          let head = try await app.process(2)
          let alive = [try await app.isAlive(worker), try await app.isAlive(head)]
          return alive
        } holds: {
          $0 == [false, false]
        }
        #expect(try await app.answer() == "3")
        try await app.next("ok")
        #expect(try await app.reload().succeeded)
        let old = try await app.process(3)
        #expect(try await app.isAlive(old), "it has 2 s")
        try await eventually("the lingering one is killed") {
          try await app.isAlive(old)
        } holds: {
          !$0
        }
        try await app.service.logged("generation 3 has not ended within 2 s")
        #expect(try await app.answer() == "4")
      }
    }

    @Test(
      "a stop during a reload ends both, with one signal each",
      arguments: ["mixed", "control-group"])
    func stop(killMode: String) async throws {
      try await Replaceable.with("stop-\(killMode)", "KillMode=\(killMode)") { app in
        try await app.next("hang")
        try await app.service.systemctl("reload", "--no-block")
        try await eventually("the new one is judged") {
          try await app.met(2)
        } holds: {
          $0 == ["started"]
        }
        try await app.service.wait(for: "StatusText", "tells of it") {
          $0.hasPrefix("reloading: generation 2: http /: ") && $0.contains("; ready; http /: 200")
        }
        try await app.service.stop()
        #expect(try await app.service.property("Result") == "success")
        #expect(try await app.met(1) == ["started", "TERM"])
        #expect(try await app.met(2) == ["started", "TERM"])
      }
    }

    @Test("the old one feeds the watchdog for as long as the new one is judged, and after")
    func watchdog() async throws {
      try await Replaceable.with(
        "replace-watchdog", vouch: "--start-timeout 4s", "WatchdogSec=1500ms"
      ) { app in
        try await app.next("hang")
        #expect(try await !app.reload().succeeded, "after more than two of its periods")
        try await Task.sleep(for: .seconds(2))
        #expect(try await app.service.property("ActiveState") == "active")
        #expect(try await app.service.property("Result") == "success")
        try await app.next("ok")
        #expect(try await app.reload().succeeded)
        try await Task.sleep(for: .seconds(2))
        #expect(try await app.service.property("ActiveState") == "active")
        #expect(try await app.answer() == "3")
      }
    }

    @Test("the READY=1 of the old one is not the new one's")
    func notify() async throws {
      try await Replaceable.with(
        "replace-notify-own",
        vouch: "--heartbeat \"notify gates=ready\" --start-timeout 2s"
      ) { app in
        try await app.next("mute")
        #expect(try await !app.reload().succeeded)
        let status = try await app.service.property("StatusText")
        #expect(
          status.contains("not healthy within 2 s: heartbeat notify: waiting for a report"),
          "\(status)")
        try await app.next("ok")
        #expect(try await app.reload().succeeded)
        #expect(try await app.answer() == "3")
      }
    }

    @Test("with no descriptor left the reload fails, and nothing else")
    func noDescriptors() async throws {
      try await Replaceable.with("replace-emfile") { app in
        let main = try await app.service.mainPID
        let sandbox = app.service.sandbox
        // As many as it has open, so that the next one is one too many.
        try await sandbox.shell(
          "prlimit --pid \(main) --nofile=$(ls /proc/\(main)/fd | sort -n | tail -1): "
            + "&& kill -HUP \(main)")
        try await app.service.wait(for: "StatusText", "tells of it") {
          $0.contains("reload failed: generation 2: ")
        }
        try await sandbox.run(["prlimit", "--pid", String(main), "--nofile=1024:"])
        let again = try await app.reload()
        #expect(again.succeeded, "\(again)")
        #expect(try await app.service.property("ActiveState") == "active")
        #expect(try await app.met(1) == ["started", "TERM"])
      }
    }

    @Test("both die with vouch")
    func killed() async throws {
      try await Replaceable.with("vouch-killed") { app in
        try await app.next("deaf")
        try await app.service.systemctl("reload", "--no-block")
        try await eventually("the new one is judged") {
          try await app.met(2)
        } holds: {
          $0 == ["started"]
        }
        try await app.service.systemctl("kill", "--kill-whom=main", "--signal=KILL")
        try await eventually("both are gone") {
          let first = try await app.isAlive(try await app.process(1))
          let second = try await app.isAlive(try await app.process(2))
          return [first, second]
        } holds: {
          $0 == [false, false]
        }
      }
    }

    @Test("where the old one dies meanwhile, the new one takes over if it passes, else all ends")
    func oldDies() async throws {
      for passes in [true, false] {
        try await Replaceable.with("old-dies-\(passes)", vouch: "--start-timeout 3s") { app in
          try await app.next(passes ? "late 2" : "hang")
          try await app.service.systemctl("reload", "--no-block")
          try await eventually("the new one is judged") {
            try await app.met(2)
          } holds: {
            $0 == ["started"]
          }
          let old = try await app.process(1) ?? 0
          try await app.service.sandbox.shell("kill -KILL \(old)")
          if passes {
            try await app.service.wait(for: "StatusText", "tells of it") {
              $0.hasPrefix("reloading: ") && $0.hasSuffix("; generation 1 does not serve")
            }
            try await app.service.wait(for: "StatusText", "serves") { $0.hasPrefix("ready;") }
            #expect(try await app.answer() == "2")
            #expect(try await app.service.property("ActiveState") == "active")
          } else {
            try await app.service.wait(for: "ActiveState", "failed")
            #expect(try await app.service.property("ExecMainStatus") == "9")
          }
        }
      }
    }

    @Test("reloads that are asked for meanwhile come to one more")
    func coalesced() async throws {
      try await Replaceable.with("coalesced") { app in
        // So that all of them ask while the first is judged.
        try await app.next("late 2")
        let main = try await app.service.mainPID
        let vouch = Places.Inside.vouch
        let result = try await app.service.sandbox.shell(
          """
          for i in 1 2 3 4 5 6; do \(vouch) reload --pid \(main) & pids="$pids $!"; done
          for pid in $pids; do wait $pid || echo failed; done
          """)
        #expect(result.output == "", "\(result)")
        #expect(try await Set(app.log().map { $0[0] }) == ["1", "2", "3"])
      }
    }

    @Test("Type=notify-reload: systemctl reload returns when the new one serves")
    func notifyReload() async throws {
      let sandbox = try await Sandbox.shared
      guard try await sandbox.systemdVersion >= 253 else {
        try Test.cancel("Type=notify-reload came with systemd 253")
      }
      try await Replaceable.with("replace-notify", "Type=notify-reload", "ExecReload=") { app in
        #expect(try await app.reload().succeeded)
        #expect(try await app.service.property("StatusText").hasPrefix("ready;"))
        #expect(try await app.process(2) != nil)
        try await app.next("exit 1")
        // systemd knows no failed reload of this kind: STATUS tells.
        _ = try await app.reload()
        let status = try await app.service.property("StatusText")
        #expect(
          status.contains("reload failed: generation 3: it exited with status 1"), "\(status)")
        #expect(try await app.service.property("ActiveState") == "active")
      }
    }

    @Test("vouch reload of what is no vouch, and of a forwarded reload")
    func reloadCommand() async throws {
      let sandbox = try await Sandbox.shared
      let vouch = Places.Inside.vouch
      let none = try await sandbox.shell("unset MAINPID; \(vouch) reload")
      #expect(none.status == 64, "\(none)")
      let wrong = try await sandbox.run([vouch, "reload", "--pid", "1"])
      #expect(wrong.status == 70, "\(wrong)")
      #expect(wrong.errors.contains("process 1 cannot be asked"), "\(wrong)")
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), "ExecReload=\(vouch) reload")
      try await sandbox.withService("reload-forwarded", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        let reloaded = try await service.systemctl("reload")
        #expect(reloaded.succeeded, "\(reloaded)")
        try await waitForLog(log, "Ready\nHUP\n", sandbox)
        let main = try await service.mainPID
        let other = try await sandbox.shell(
          "setpriv --reuid=65534 --clear-groups \(vouch) reload --pid \(main)")
        #expect(other.status == 70, "\(other)")
        #expect(other.errors.contains("only root and the user of vouch"), "\(other)")
      }
    }

    @Test(
      "what two generations cannot share is refused before anything starts",
      arguments: [
        (["--no-check"], "two generations at a time need one listening socket"),
        (["--no-check", "--listen", "127.0.0.1:1999", "--pass", "none"], "--pass none gives"),
        (["--http", "/ peer=any", "--listen", "127.0.0.1:1999"], "peer=any of http /"),
      ])
    func refused(options: [String], reason: String) async throws {
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.run(
        [Places.Inside.vouch, "--on-reload", "replace"] + options + ["--", "/bin/true"])
      #expect(result.status == 64, "\(result)")
      #expect(result.errors.contains(reason), "\(result)")
    }
  }
}
