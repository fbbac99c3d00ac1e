import Testing

extension UnderSystemd {
  /// Rule 7: a prober's own trouble is not the child's failure.
  @Suite("vouch's own trouble") struct OwnTrouble {
    @Test("without descriptors left nothing dies, nothing is counted, and it recovers")
    func descriptors() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 200ms --fall 1 --on-unhealthy trigger",
        child: Fixture.webApp(port: port), "Restart=on-failure")
      try await sandbox.withService("descriptors", text) { service in
        try await service.start()
        let main = try await service.mainPID
        try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=3:1024"])
        try await service.wait(for: "StatusText", "tells the trouble") {
          $0.contains("cannot be checked: too many open files")
        }
        try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=1024:1024"])
        try await service.wait(for: "StatusText", "is well again") { $0.hasPrefix("ready; ") }
        #expect(try await service.mainPID == main)
        let journal = try await service.journal()
        #expect(journal.ranges(of: "cannot be checked").count == 1, "\(journal)")
        #expect(!journal.contains("failing"))
      }
    }

    @Test("a vouch that was stopped for long does not blame the child for it")
    func stopped() async throws {
      let sandbox = try await Sandbox.shared
      let control = Service.freshFile("control")
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 300ms --timeout 200ms --fall 1 --on-unhealthy trigger",
        child: Fixture.switchServer(port: port, control: control), "Restart=on-failure")
      try await sandbox.withService("stopped", text) { service in
        try await service.start()
        let main = try await service.mainPID
        for _ in 0..<5 {
          try await sandbox.shell("kill -STOP \(main); sleep 0.7; kill -CONT \(main)")
          let count = try await answered(control, sandbox)
          try await eventually("it probes again") {
            try await answered(control, sandbox)
          } holds: {
            $0 > count + 1
          }
        }
        #expect(try await service.mainPID == main)
        #expect(try await !service.journal().contains("failing"))
      }
    }

    private func answered(_ control: String, _ sandbox: Sandbox) async throws -> Int {
      Int(try await sandbox.run(["cat", control + ".count"]).output.trimmed) ?? 0
    }

    @Test("a name that does not resolve is a failure of that check alone, and nothing waits for it")
    func names() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/ --http \"http://nowhere.invalid/ gates=none\" --interval 200ms",
        child: Fixture.webApp(port: port), "WatchdogSec=2", "Restart=on-failure")
      try await sandbox.withService("names", text) { service in
        try await service.start()
        try await service.wait(for: "StatusText", "tells it") {
          $0.hasPrefix("ready; ") && $0.contains("nowhere.invalid") && $0.contains("resolve")
        }
        #expect(try await service.property("NRestarts") == "0")
      }
    }
  }
}
