import Testing

extension UnderSystemd {
  @Suite("status") struct Status {
    @Test("systemctl status tells ready, failing with the reason, and ready again")
    func changes() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 200ms",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=60")
      try await sandbox.withService("status", text) { service in
        try await service.start()
        let status = try await service.systemctl("status", "--no-pager").output
        #expect(status.contains("Status: \"ready; http :\(port)/: 200 in "))

        try await sandbox.shell("echo 503 > \(control)")
        try await service.wait(for: "StatusText", "tells the failure") {
          $0.hasPrefix("failing") && $0.contains("503")
        }
        try await sandbox.shell("echo 204 > \(control)")
        try await service.wait(for: "StatusText", "tells the recovery") {
          $0.hasPrefix("ready") && $0.contains("204")
        }
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test("the journal has one line a change, not one a round")
    func journal() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 50ms",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=60")
      try await sandbox.withService("quiet", text) { service in
        try await service.start()
        let before = try await service.journal()
        try await eventually("thirty rounds are over") {
          try await sandbox.shell("cat \(control).count").output
        } holds: {
          Int($0.trimmed) ?? 0 >= 30
        }
        #expect(try await service.journal() == before)
      }
    }
  }
}
