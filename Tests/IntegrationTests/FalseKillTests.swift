import Testing

extension UnderSystemd {
  /// Rule 7: a healthy child is never killed because vouch, or the machine, was starved; a child that
  /// hangs still is.
  @Suite("no false kills") struct FalseKills {
    private static func unit(_ port: Int, _ settings: String...) -> String {
      serviceText(
        vouch: "--http :\(port)/healthz --interval 500ms --timeout 500ms --fall 1 "
          + "--on-unhealthy trigger", child: Fixture.webApp(port: port, delay: 0.3),
        (["Restart=on-failure", "RestartSec=0"] + settings).joined(separator: "\n"))
    }

    /// That nothing was restarted, and that the service goes on being healthy.
    private static func expectUnharmed(_ service: Service) async throws {
      let fed = try await service.property("WatchdogTimestampMonotonic")
      try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
      try await service.wait(for: "StatusText", "is ready") { $0.hasPrefix("ready;") }
      #expect(try await service.property("NRestarts") == "0")
      #expect(try await !service.journal().contains("watchdog triggered"))
    }

    @Test(
      "vouch and a healthy child that are stopped, for longer than the timeout, again and again")
    func stoppedVouch() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = Self.unit(port, "WatchdogSec=30")
      try await sandbox.withService("stopped-vouch", text) { service in
        try await service.start()
        let main = try await service.mainPID
        for pause in ["0.3", "0.7", "1.1", "0.9", "1.3", "0.6"] {
          try await sandbox.shell(
            "kill -STOP \(main); sleep \(pause); kill -CONT \(main); sleep 0.2")
        }
        try await Self.expectUnharmed(service)
      }
    }

    @Test("both of them stopped in the middle of a probe: the log says why it is not counted")
    func stoppedBoth() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch:
          "--http :\(port)/healthz --interval 400ms --timeout 2s --fall 1 --on-unhealthy trigger",
        child: Fixture.webApp(port: port), "WatchdogSec=30", "Restart=on-failure", "RestartSec=0")
      try await sandbox.withService("stopped-both", text) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        // The child first: a probe begins that nobody answers. Then vouch, until past the timeout.
        try await sandbox.shell(
          "kill -STOP \(child); sleep 0.6; kill -STOP \(main); sleep 3; kill -CONT \(child) \(main)"
        )
        try await Self.expectUnharmed(service)
        #expect(
          try await service.journal().contains(
            "cannot be checked: vouch or the child was kept from"))
      }
    }

    @Test("a cgroup that is frozen for longer than the timeout")
    func frozen() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = Self.unit(port, "WatchdogSec=30")
      try await sandbox.withService("frozen-cgroup", text) { service in
        try await service.start()
        let group = "/sys/fs/cgroup" + (try await service.property("ControlGroup"))
        for pause in ["0.6", "1.2", "0.8", "1.6"] {
          try await sandbox.shell(
            "echo 1 > \(group)/cgroup.freeze; sleep \(pause); echo 0 > \(group)/cgroup.freeze; "
              + "sleep 0.2")
        }
        try await Self.expectUnharmed(service)
      }
    }

    @Test("one CPU beside hogs of a far higher weight")
    func hog() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = Self.unit(port, "WatchdogSec=30", "CPUAffinity=0", "Nice=15")
      try await sandbox.withService("beside-hogs", text) { service in
        try await service.start()
        // Bounded: 8 s, eight of them, on the same CPU.
        try await sandbox.shell(
          "for i in 1 2 3 4 5 6 7 8; do nice -n -10 taskset -c 0 timeout -s KILL 8 "
            + "sh -c 'while :; do :; done' & done; wait", seconds: 60)
        try await Self.expectUnharmed(service)
      }
    }

    @Test("a child that hangs beside the hogs is still found out")
    func hungBesideHogs() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = Self.unit(port, "WatchdogSec=30", "CPUAffinity=0")
      try await sandbox.withService("hung-beside-hogs", text) { service in
        try await service.start()
        let child = try await service.childPID
        async let hogs = sandbox.shell(
          "for i in 1 2 3 4; do taskset -c 0 timeout -s KILL 10 sh -c 'while :; do :; done' & done; "
            + "wait", seconds: 60)
        try await Task.sleep(for: .milliseconds(500))
        try await sandbox.shell("kill -STOP \(child)")
        try await service.wait(for: "NRestarts", "1")
        try await service.logged("watchdog triggered")
        _ = try await hogs
      }
    }

    @Test("systemd's watchdog waits for the time that was lost")
    func watchdogWaits() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 1s --timeout 1s",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=3",
        "Restart=on-failure", "RestartSec=0")
      try await sandbox.withService("watchdog-waits", text) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        // Not answered for 3.6 s in all, but for most of it nobody was there to hear.
        try await sandbox.shell(
          "kill -STOP \(child); sleep 1.2; kill -STOP \(main); sleep 1.3; kill -CONT \(main); "
            + "sleep 0.7; kill -CONT \(child)")
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        #expect(try await service.mainPID == main)
      }
    }
  }
}
