import Testing

extension UnderSystemd {
  @Suite("a journal in trouble") struct JournalTrouble {
    /// A service whose health changes at every probe, so that vouch has something to log each time.
    private func withRestlessService(
      _ sandbox: Sandbox, _ body: (Service, _ answered: () async throws -> Int) async throws -> Void
    ) async throws {
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      try await sandbox.shell("echo alternate > \(control)")
      let ends = Service.freshFile("ends")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 10ms --fall 1 --log-level debug",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=5",
        "Restart=always",
        // Where the journal is gone, this tells what ended.
        "ExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >> \(ends)'")
      try await sandbox.withService("restless", text) { service in
        try await service.start()
        let answered = {
          Int(try await sandbox.run(["cat", control + ".count"]).output.trimmed) ?? 0
        }
        try await body(service, answered)
        #expect(try await service.property("ActiveState") == "active")
        let ended = try await sandbox.shell("cat \(ends) 2>/dev/null").output
        #expect(ended == "")
      }
    }

    /// Waits until vouch has asked `count` times more, and was heard by systemd after that.
    private func goOn(
      _ service: Service, for count: Int, _ answered: () async throws -> Int
    ) async throws {
      let before = try await answered()
      try await eventually("vouch goes on asking") {
        try await answered()
      } holds: {
        $0 > before + count
      }
      let fed = try await service.property("WatchdogTimestampMonotonic")
      try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
    }

    @Test("vouch lives on while journald is stopped, and after its return")
    func stopped() async throws {
      try await Sandbox.withOwn { sandbox in
        try await withRestlessService(sandbox) { service, answered in
          try await sandbox.shell(
            "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket"
              + " systemd-journald-audit.socket systemd-journald.service")
          try await goOn(service, for: 500, answered)
          try await sandbox.shell("systemctl start systemd-journald.service")
          try await goOn(service, for: 100, answered)
        }
      }
    }

    @Test("vouch does not hang with a journald that hangs")
    func frozen() async throws {
      try await Sandbox.withOwn { sandbox in
        try await withRestlessService(sandbox) { service, answered in
          let journald = Service(sandbox: sandbox, name: "systemd-journald.service")
          let pid = try await journald.mainPID
          try await sandbox.shell("kill -STOP \(pid)")
          // Far more lines than the socket to journald has room for.
          try await goOn(service, for: 800, answered)
          try await sandbox.shell("kill -CONT \(pid)")
          try await goOn(service, for: 100, answered)
        }
      }
    }
  }
}
