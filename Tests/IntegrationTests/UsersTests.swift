import Testing

extension UnderSystemd {
  @Suite("users and hardening") struct Users {
    @Test(
      "User= and DynamicUser= hold for the child", arguments: ["User=daemon", "DynamicUser=yes"])
    func user(setting: String) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let name = "as-" + setting.prefix { $0 != "=" }.lowercased()
      let text = serviceText(
        vouch: "--http :\(port)/healthz", child: Fixture.webApp(port: port), setting,
        "WatchdogSec=5")
      try await sandbox.withService(name, text) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        let users = try await sandbox.shell("stat -c %u /proc/\(main) /proc/\(child)").output
          .split(separator: "\n")
        try #require(users.count == 2)
        #expect(users[0] == users[1])
        #expect(users[0] != "0")
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.output.hasPrefix("hello"))
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }

    // A dynamic user is turned away by dbus-daemon (systemd issue 22737), so that there D-Bus cannot
    // tell KillMode=.
    @Test(
      "the child of an unprivileged vouch gets exactly one SIGTERM under KillMode=control-group",
      // With ProtectProc=invisible process 1 is out of sight, by which libsystemd finds the unit's name.
      arguments: ["User=daemon", "DynamicUser=yes", "DynamicUser=yes\nProtectProc=invisible"])
    func stopAsUser(setting: String) async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.signalLog(log), setting,
        "ReadWritePaths=\(Places.Inside.scratch)", "KillMode=control-group")
      let name = "stop-as-" + setting.filter(\.isLetter).lowercased()
      try await sandbox.withService(name, text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nTERM\n")
      }
    }

    @Test("a hardened unit starts, is fed, reloads, and stops")
    func hardened() async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("signals")
      let text = serviceText(
        vouch: "--exec \"/usr/bin/test -e \(log)\" --interval 300ms", child: Fixture.signalLog(log),
        "WatchdogSec=2", "ExecReload=/bin/kill -HUP $MAINPID",
        "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes",
        "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes", "ProtectControlGroups=yes", "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "RestrictNamespaces=yes",
        "RestrictRealtime=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes",
        "SystemCallArchitectures=native", "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources", "CapabilityBoundingSet=",
        "ReadWritePaths=\(Places.Inside.scratch)", "UMask=0022")
      try await sandbox.withService("hardened", text) { service in
        try await service.start()
        try await waitForLog(log, "Ready\n", sandbox)
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        #expect(try await service.systemctl("reload").succeeded)
        try await waitForLog(log, "Ready\nHUP\n", sandbox)
        try await service.stop()
        #expect(try await sandbox.run(["cat", log]).output == "Ready\nHUP\nTERM\n")
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test("a hardened child that is killed ends vouch by the same signal")
    func hardenedDeath() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--no-check", child: "/bin/sh -c 'sleep 0.3; kill -SEGV $$$$'", "DynamicUser=yes",
        "SystemCallFilter=@system-service", "NoNewPrivileges=yes", "LimitCORE=0")
      try await sandbox.withService("hardened-death", text) { service in
        try await service.start()
        try await service.wait(for: "ActiveState", "failed")
        #expect(try await service.property("Result") == "signal")
        #expect(try await service.property("ExecMainStatus") == "11")
      }
    }
  }
}
