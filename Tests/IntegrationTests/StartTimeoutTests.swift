import Testing

extension UnderSystemd {
  @Suite("--start-timeout") struct StartTimeout {
    @Test("a program that needs longer than TimeoutStartSec= gets it")
    func extended() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/healthz --start-timeout 60s",
        child: Fixture.webApp(port: port, startAfter: 5), "TimeoutStartSec=2")
      try await sandbox.withService("slow-start", text) { service in
        let began = ContinuousClock.now
        try await service.start()
        #expect(ContinuousClock.now - began >= .seconds(5))
      }
    }

    @Test("once the budget is spent the program is stopped and vouch exits 75")
    func spent() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--http :\(port)/ --start-timeout 4s", child: Fixture.signalLog(log),
        "TimeoutStartSec=2")
      try await sandbox.withService("spent", text) { service in
        let began = ContinuousClock.now
        try await service.expectStartFails()
        // Longer than TimeoutStartSec=: it was vouch that ended it.
        #expect(ContinuousClock.now - began >= .seconds(4))
        try await service.wait(for: "ActiveState", "failed")
        #expect(try await service.property("Result") == "exit-code")
        #expect(try await service.property("ExecMainStatus") == "75")
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nTERM\n")
      }
    }
  }
}
