import Testing

extension UnderSystemd {
  @Suite("exit status") struct ExitStatus {
    @Test("systemd sees the child's own exit code", arguments: [0, 1, 7, 255])
    func exitCode(code: Int) async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(vouch: "--no-check", child: "/bin/sh -c 'sleep 0.3; exit \(code)'")
      try await sandbox.withService("exit-\(code)", text) { service in
        try await service.start()
        try await service.wait(for: "ActiveState", code == 0 ? "inactive" : "failed")
        #expect(try await service.property("Result") == (code == 0 ? "success" : "exit-code"))
        #expect(try await service.property("ExecMainCode") == "1")
        #expect(try await service.property("ExecMainStatus") == String(code))
      }
    }

    @Test(
      "systemd sees the signal that killed the child", arguments: ["SEGV 11", "KILL 9", "USR1 10"])
    func signal(named signal: String) async throws {
      let sandbox = try await Sandbox.shared
      let words = signal.split(separator: " ").map(String.init)
      let text = serviceText(
        vouch: "--no-check", child: "/bin/sh -c 'sleep 0.3; kill -\(words[0]) $$$$'", "LimitCORE=0")
      try await sandbox.withService("killed-\(words[0])", text) { service in
        try await service.start()
        try await service.wait(for: "ActiveState", "failed")
        #expect(try await service.property("Result") == "signal")
        #expect(try await service.property("ExecMainCode") == "2")
        #expect(try await service.property("ExecMainStatus") == words[1])
      }
    }

    @Test("a child that dumps core does not make vouch dump another")
    func core() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--no-check", child: "/bin/sh -c 'sleep 0.3; kill -ABRT $$$$'", "LimitCORE=infinity",
        "WorkingDirectory=/tmp")
      try await sandbox.withService("core", text) { service in
        try await service.start()
        try await service.wait(for: "ActiveState", "failed")
        #expect(try await service.property("Result") == "signal")
        #expect(try await service.property("ExecMainStatus") == "6")
      }
    }

    @Test("SuccessExitStatus= means the child's status")
    func successExitStatus() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--no-check", child: "/bin/sh -c 'sleep 0.3; exit 7'", "SuccessExitStatus=7")
      try await sandbox.withService("success-7", text) { service in
        try await service.start()
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("Result") == "success")
        #expect(try await service.property("ExecMainStatus") == "7")
      }
    }

    @Test(
      "Restart=on-failure restarts after the child's failure and not after its success",
      arguments: ["exit 3", "kill -KILL $$$$", "exit 0", "kill -TERM $$$$"])
    func restart(end: String) async throws {
      let sandbox = try await Sandbox.shared
      let again = Service.freshFile("again")
      let text = serviceText(
        vouch: "--no-check",
        child:
          "/bin/sh -c 'test -e \(again) && exec sleep infinity; touch \(again); sleep 0.3; \(end)'",
        "Restart=on-failure", "RestartSec=0", "LimitCORE=0")
      let isClean = end == "exit 0" || end.contains("TERM")
      let name = "restart-" + end.filter { $0.isLetter || $0.isNumber }
      try await sandbox.withService(name, text) { service in
        try await service.start()
        if isClean {
          try await service.wait(for: "ActiveState", "inactive")
          #expect(try await service.property("NRestarts") == "0")
        } else {
          try await service.wait(for: "NRestarts", "1")
          try await service.wait(for: "ActiveState", "active")
        }
      }
    }

    @Test("a child that dies before it is ready fails the start at once")
    func diesEarly() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/", child: "/bin/sh -c 'sleep 0.3; exit 4'", "TimeoutStartSec=60")
      try await sandbox.withService("dies-early", text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "4")
      }
    }

    @Test(
      "a command that is missing or cannot be run fails with 127 or 126",
      arguments: [
        ("/nonexistent/server", "127"), ("/etc/passwd", "126"), ("/etc", "126"),
      ])
    func cannotRun(command: String, status: String) async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(vouch: "--no-check", child: command)
      let name = "cannot-run" + command.replacing("/", with: "-")
      try await sandbox.withService(name, text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == status)
        try await service.logged(command)
      }
    }
  }
}
