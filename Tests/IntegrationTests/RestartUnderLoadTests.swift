import Testing

extension UnderSystemd {
  @Suite("restart under load") struct RestartUnderLoad {
    @Test("a socket-activated web app that is restarted five times fails no request")
    func restarts() async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: "web-app.service")
      try await sandbox.run(["systemctl", "start", "web-app.socket"])
      try await service.start()
      let report = try await sandbox.underLoad(port: 8003) {
        for _ in 1...5 {
          let before = try await service.mainPID
          // Five starts within ten seconds are the limit (StartLimitBurst=): begin to count anew.
          try await service.systemctl("reset-failed")
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
          #expect(try await service.mainPID != before)
        }
      }
      #expect(report.failures == 0, "\(report)")
      // Enough to have met every restart.
      #expect(report.requests >= 50, "\(report)")
      try await service.stop()
      try await sandbox.run(["systemctl", "stop", "web-app.socket"])
    }

    @Test("the same on a port of its own does fail requests: the load can tell")
    func ownPort() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/healthz", child: Fixture.webApp(port: port, startAfter: 0.5))
      try await sandbox.withService("load-own-port", text) { service in
        try await service.start()
        let report = try await sandbox.underLoad(port: port) {
          try await service.systemctl("restart")
        }
        #expect(report.failures > 0, "\(report)")
      }
    }
  }
}
