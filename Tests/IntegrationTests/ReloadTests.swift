import Testing

extension UnderSystemd {
  @Suite("reload") struct Reload {
    @Test("ExecReload=kill -HUP reaches the child once and the service stays up")
    func execReload() async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure")
      try await sandbox.withService("reload", text) { service in
        try await service.start()
        let main = try await service.mainPID
        try await waitForLog(log, "Ready\n", sandbox)
        #expect(try await service.systemctl("reload").succeeded)
        try await waitForLog(log, "Ready\nHUP\n", sandbox)
        #expect(try await service.property("ActiveState") == "active")
        #expect(try await service.mainPID == main)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nHUP\nTERM\n")
      }
    }

    @Test("a reload of Type=notify-reload returns once the program has got SIGHUP and passes")
    func notifyReload() async throws {
      let sandbox = try await Sandbox.shared
      guard try await sandbox.systemdVersion >= 253 else {
        try Test.cancel("Type=notify-reload came with systemd 253")
      }
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--exec \"/usr/bin/test -e \(log)\" --interval 200ms", child: Fixture.signalLog(log),
        "Type=notify-reload", "WatchdogSec=5", "Restart=on-failure")
      try await sandbox.withService("notify-reload", text) { service in
        try await service.start()
        let main = try await service.mainPID
        try await waitForLog(log, "Ready\n", sandbox)
        for round in 1...3 {
          #expect(try await service.systemctl("reload").succeeded)
          #expect(try await service.property("ActiveState") == "active")
          try await waitForLog(
            log, "Ready\n" + String(repeating: "HUP\n", count: round), sandbox)
        }
        #expect(try await service.mainPID == main)
        #expect(try await service.property("Result") == "success")
      }
    }
  }
}

/// Waits until a signal log (Fixture.signalLog) reads as wanted.
func waitForLog(
  _ log: String, _ wanted: String, _ sandbox: Sandbox,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  try await eventually("the child's log", sourceLocation: sourceLocation) {
    try await sandbox.run(["cat", log]).output
  } holds: {
    $0 == wanted
  }
}
