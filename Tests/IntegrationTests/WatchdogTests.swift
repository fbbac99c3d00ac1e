import Testing

extension UnderSystemd {
  @Suite("watchdog") struct Watchdog {
    @Test("a healthy service is fed and lives on", arguments: ["2", "900ms"])
    func fed(period: String) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/healthz", child: Fixture.webApp(port: port),
        "WatchdogSec=\(period)",
        "Restart=on-failure")
      try await sandbox.withService("fed-\(period)", text) { service in
        try await service.start()
        var seen: Set<String> = []
        try await eventually("systemd was fed five times") {
          try await service.property("WatchdogTimestampMonotonic")
        } holds: {
          seen.insert($0)
          return seen.count > 5
        }
        #expect(try await service.property("ActiveState") == "active")
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test("a frozen program is restarted by systemd's watchdog, and does not hold up its own end")
    func frozen() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      // TimeoutStopSec= is far longer than the test waits: SIGABRT itself must end the program,
      // as it does without vouch (systemd sends SIGCONT after each stop signal).
      let text = serviceText(
        vouch: "--http :\(port)/healthz", child: Fixture.webApp(port: port), "WatchdogSec=2",
        "Restart=on-failure", "RestartSec=0", "TimeoutStopSec=90")
      try await sandbox.withService("frozen", text) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        try await sandbox.shell("kill -STOP \(child)")
        try await service.wait(for: "NRestarts", "1")
        try await service.wait(for: "ActiveState", "active")
        #expect(try await service.mainPID != main)
        try await service.logged("Watchdog timeout")
        #expect(try await !sandbox.run(["test", "-d", "/proc/\(child)"]).succeeded)
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.output.hasPrefix("hello"))
      }
    }

    @Test("a program that answers wrongly is no longer vouched for")
    func withheld() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/", child: Fixture.switchServer(port: port, control: control),
        "WatchdogSec=2", "Restart=no")
      try await sandbox.withService("withheld", text) { service in
        try await service.start()
        try await sandbox.shell("echo 500 > \(control)")
        try await service.wait(for: "Result", "watchdog")
        try await service.logged("Watchdog timeout")
      }
    }

    @Test("a failure that passes within the period does no harm")
    func tolerated() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 200ms --fall 1",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=20",
        "Restart=on-failure")
      try await sandbox.withService("tolerated", text) { service in
        try await service.start()
        try await sandbox.shell("echo 500 > \(control)")
        try await service.wait(for: "StatusText", "tells the failure") { $0.hasPrefix("failing") }
        try await sandbox.shell("echo 200 > \(control)")
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test("--on-unhealthy trigger acts long before the period is over and says why")
    func triggered() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 200ms --fall 2 --on-unhealthy trigger",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=120",
        "Restart=on-failure", "RestartSec=0")
      try await sandbox.withService("triggered", text) { service in
        try await service.start()
        let main = try await service.mainPID
        try await sandbox.shell("echo 503 > \(control)")
        try await eventually("the journal has the request") {
          try await service.journal()
        } holds: {
          $0.contains("Watchdog request (last status: ") && $0.contains("503")
        }
        try await sandbox.shell("echo 200 > \(control)")
        try await service.wait(for: "MainPID", "is another") { $0 != String(main) && $0 != "0" }
        try await service.wait(for: "ActiveState", "active")
      }
    }

    @Test("the watchdog's SIGABRT reaches the child, once", arguments: ["mixed", "control-group"])
    func abort(killMode: String) async throws {
      let sandbox = try await Sandbox.shared
      let healthy = Service.freshFile("healthy")
      let log = Service.freshFile("signals")
      try await sandbox.run(["touch", healthy])
      let text = serviceText(
        vouch: "--exec \"/usr/bin/test -e \(healthy)\" --interval 300ms",
        child: Fixture.signalLog(log), "WatchdogSec=2", "KillMode=\(killMode)", "LimitCORE=0")
      try await sandbox.withService("abort-\(killMode)", text) { service in
        try await service.start()
        try await eventually("the child counts") {
          try await sandbox.run(["cat", log]).output
        } holds: {
          $0.hasPrefix("Ready")
        }
        try await sandbox.run(["rm", healthy])
        try await service.wait(for: "Result", "watchdog")
        try await service.wait(for: "ActiveState", "failed")
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nABRT\n")
      }
    }

    @Test("without WatchdogSec= a failing service is told of, and left alone")
    func absent() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 100ms",
        child: Fixture.switchServer(port: port, control: control))
      try await sandbox.withService("no-watchdog", text) { service in
        try await service.start()
        try await sandbox.shell("echo 503 > \(control)")
        try await service.wait(for: "StatusText", "tells three failures") {
          $0.hasPrefix("failing") && !$0.hasPrefix("failing 1/") && !$0.hasPrefix("failing 2/")
        }
        #expect(try await service.property("ActiveState") == "active")
        #expect(try await service.property("WatchdogUSec") == "0")
      }
    }
  }
}
