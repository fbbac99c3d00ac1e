import Testing

extension UnderSystemd {
  /// Where vouch is the first process of a PID namespace, systemd's variables have numbers from outside.
  @Suite("a PID namespace of the service's own") struct PrivatePIDs {
    /// A socket-activated service with a watchdog is ready, is fed, and is restarted when it hangs.
    private func serves(_ name: String, exec: String, _ settings: String...) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(name + ".socket", "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      let text = """
        [Unit]
        StartLimitIntervalSec=0
        [Service]
        Type=notify
        WatchdogSec=2
        Restart=on-watchdog
        ExecStart=\(exec) --http / -- /usr/bin/python3 \(Places.Inside.fixtures)/web_app.py
        \(settings.joined(separator: "\n"))

        """
      try await sandbox.withService(name, text) { service in
        try await sandbox.run(["systemctl", "start", name + ".socket"])
        try await service.start()
        let status = try await service.property("StatusText")
        #expect(status.hasPrefix("ready; http /: 200"), "\(status)")
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.succeeded, "\(answer)")
        try await Task.sleep(for: .seconds(5))
        #expect(try await service.property("NRestarts") == "0", "the watchdog is fed")
        let youngest = try #require(try await service.childPIDs.max())
        try await sandbox.run(["kill", "-STOP", "\(youngest)"])
        try await service.wait(for: "NRestarts", "1")
        try await sandbox.run(["systemctl", "stop", name + ".socket"])
      }
    }

    @Test("unshare(1)") func unshare() async throws {
      try await serves(
        "pid-namespace",
        exec: "/usr/bin/unshare --pid --fork --kill-child --mount-proc \(Places.Inside.vouch)",
        "NotifyAccess=all", "KillMode=control-group")
    }

    @Test("PrivatePIDs=") func privatePIDs() async throws {
      guard try await Sandbox.shared.systemdVersion >= 257 else {
        try Test.cancel("PrivatePIDs= came with systemd 257")
      }
      try await serves(
        "private-pids", exec: Places.Inside.vouch, "PrivatePIDs=yes", "KillMode=mixed")
    }
  }
}
