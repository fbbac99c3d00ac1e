import Testing

extension UnderSystemd {
  @Suite("stopping") struct Stopping {
    @Test(
      "the child gets exactly one SIGTERM whatever KillMode= is",
      arguments: ["control-group", "mixed", "process"])
    func oneCopy(killMode: String) async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), "KillMode=\(killMode)")
      try await sandbox.withService("stop-\(killMode)", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nTERM\n")
        #expect(try await service.property("Result") == "success")
        #expect(try await service.property("ActiveState") == "inactive")
      }
    }

    @Test(
      "a signal that goes to vouch alone is handed on, whatever KillMode= is",
      arguments: ["control-group", "mixed", "process"])
    func vouchAlone(killMode: String) async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), "KillMode=\(killMode)")
      try await sandbox.withService("kill-main-\(killMode)", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        #expect(try await service.systemctl("kill", "--kill-whom=main", "--signal=TERM").succeeded)
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nTERM\n")
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test("KillSignal= is what the child gets", arguments: ["INT", "QUIT"])
    func killSignal(signal: String) async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), "KillSignal=SIG\(signal)")
      try await sandbox.withService("kill-signal-\(signal)", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\n\(signal)\n")
      }
    }

    @Test("--stop-signal replaces the signal that vouch got")
    func stopSignal() async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check --stop-signal SIGQUIT", child: Fixture.signalLog(log))
      try await sandbox.withService("stop-signal", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nQUIT\n")
      }
    }

    @Test("--stop-timeout kills a program that does not stop, long before TimeoutStopSec=")
    func stopTimeout() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--no-check --stop-timeout 500ms",
        child: "/bin/sh -c \"trap '' TERM; while :; do sleep 1; done\"", "TimeoutStopSec=90")
      try await sandbox.withService("stop-timeout", text) { service in
        try await service.start()
        try await service.systemctl("stop", seconds: 30)
        #expect(try await service.property("ExecMainStatus") == "9")
        #expect(try await service.childPIDs.isEmpty)
      }
    }

    @Test("systemd knows of the stop while the program takes its time")
    func stoppingIsTold() async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(vouch: "--no-check", child: Fixture.signalLog(log))
      try await sandbox.withService("stopping-told", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        // Not systemd stops it but an administrator's kill: only STOPPING=1 tells systemd.
        try await sandbox.shell("kill -TERM \(try await service.mainPID)")
        try await service.wait(for: "ActiveState", "deactivating or later") { $0 != "active" }
        #expect(try await service.property("StatusText").hasPrefix("stopping"))
        try await service.wait(for: "ActiveState", "inactive")
      }
    }

    @Test("if vouch is killed, the child does not live on")
    func vouchKilled() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(vouch: "--no-check", child: "/bin/sleep infinity", "KillMode=process")
      try await sandbox.withService("vouch-killed", text) { service in
        try await service.start()
        let child = try await service.childPID
        try await sandbox.shell("kill -KILL \(try await service.mainPID)")
        try await eventually("the child is gone") {
          try await sandbox.run(["test", "-d", "/proc/\(child)"]).succeeded
        } holds: {
          !$0
        }
      }
    }
  }
}
