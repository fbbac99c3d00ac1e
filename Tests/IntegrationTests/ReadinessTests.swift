import Testing

extension UnderSystemd {
  @Suite("readiness") struct Readiness {
    @Test("the start lasts until a check passes, however often it failed before")
    func gating() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      try await sandbox.shell("echo 503 > \(control)")
      let text = serviceText(
        vouch: "--http :\(port)/", child: Fixture.switchServer(port: port, control: control))
      try await sandbox.withService("gating", text) { service in
        try await service.beginStart()
        try await eventually("the program was asked three times") {
          try await sandbox.shell("cat \(control).count").output
        } holds: {
          Int($0.trimmed) ?? 0 >= 3
        }
        #expect(try await service.property("ActiveState") == "activating")
        #expect(try await service.property("StatusText").hasPrefix("starting"))
        try await sandbox.shell("echo 200 > \(control)")
        try await service.wait(for: "ActiveState", "active")
        #expect(try await service.property("StatusText").hasPrefix("ready"))
      }
    }

    @Test("on a port of its own, the program answers by the time that start returns")
    func ownPort() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/healthz", child: Fixture.webApp(port: port, startAfter: 1))
      try await sandbox.withService("own-port", text) { service in
        let began = ContinuousClock.now
        try await service.start()
        #expect(ContinuousClock.now - began >= .seconds(1))
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.output.hasPrefix("hello"))
      }
    }

    @Test("on a passed socket, the start lasts until the program serves")
    func passedSocket() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "passed.socket", "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      let text = serviceText(
        vouch: "--http /healthz", child: Fixture.webApp(startAfter: 1), "Sockets=passed.socket")
      try await sandbox.withService("passed", text) { service in
        try await sandbox.run(["systemctl", "start", "passed.socket"])
        let began = ContinuousClock.now
        try await service.start()
        #expect(ContinuousClock.now - began >= .seconds(1))
        try await sandbox.run(["systemctl", "stop", "passed.socket"])
      }
    }

    @Test("a request to an idle socket starts the service and is answered by it")
    func activation() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "activated.socket", "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      let text = serviceText(vouch: "--http /healthz", child: Fixture.webApp())
      try await sandbox.withService("activated", text) { service in
        try await sandbox.run(["systemctl", "start", "activated.socket"])
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.output.hasPrefix("hello"))
        try await service.wait(for: "ActiveState", "active")
        try await sandbox.run(["systemctl", "stop", "activated.socket"])
      }
    }

    @Test("without --start-timeout, systemd's TimeoutStartSec= ends a start that does not succeed")
    func timeout() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/", child: "/bin/sleep infinity", "TimeoutStartSec=1")
      try await sandbox.withService("never-ready", text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("Result") == "timeout")
      }
    }

    @Test(
      "a tcp check, an exec check and --no-check make a service ready",
      arguments: [
        ["--tcp"], ["--exec"], ["--no-check"],
      ])
    func otherChecks(kind: [String]) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let options =
        switch kind[0] {
        case "--tcp": "--tcp :\(port)"
        case "--exec": "--exec \"/usr/bin/test -d /run\""
        default: "--no-check"
        }
      let text = serviceText(vouch: options, child: Fixture.webApp(port: port), "WatchdogSec=2")
      try await sandbox.withService("check\(kind[0])", text) { service in
        try await service.start()
        #expect(try await service.property("ActiveState") == "active")
        #expect(try await !service.childPIDs.isEmpty)
      }
    }
  }
}
