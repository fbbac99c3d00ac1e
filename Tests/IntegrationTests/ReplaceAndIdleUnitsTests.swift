import Testing

extension UnderSystemd {
  @Suite("the units for a reload that replaces, and for running on demand", .serialized)
  struct ReplaceAndIdleUnits {
    private func withUnit(
      _ name: String, prepare: String = "true",
      _ body: (Service, _ ask: () async throws -> CommandResult, Sandbox) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      try await sandbox.shell("\(prepare); systemctl daemon-reload")
      let service = Service(sandbox: sandbox, name: name + ".service")
      let socket = Service(sandbox: sandbox, name: name + ".socket")
      try await socket.start()
      let address = try await socket.property("Listen").split(separator: " ")[0]
      do {
        try await body(
          service,
          { try await sandbox.run(["curl", "-sS", "--max-time", "20", "http://\(address)/"]) },
          sandbox)
      } catch {
        Issue.record("\(error)\n\(try await service.journal())")
      }
      try await sandbox.run(["systemctl", "stop", socket.name, service.name])
    }

    @Test("systemctl reload deploys, reads the variables anew, and fails without harm")
    func deploy() async throws {
      let variables = "/etc/default/deploy-app"
      try await withUnit("deploy-app") { service, ask, sandbox in
        var last = try await ask().output
        for _ in 0..<2 {
          try #require(try await service.systemctl("reload").succeeded)
          // The old one, which was told to stop, may take some more.
          let before = last
          try await eventually("the new one answers") {
            last = try await ask().output
            return last
          } holds: {
            $0.hasPrefix("hello") && $0 != before
          }
        }
        // The unit's own user may not read it.
        try await sandbox.shell("echo COLOUR=red > \(variables); chmod 600 \(variables)")
        let failed = try await service.systemctl("reload")
        #expect(!failed.succeeded)
        #expect(try await service.property("StatusText").contains("may not read it"))
        #expect(try await ask().output == last, "it serves on")
        try await sandbox.shell("chmod 644 \(variables)")
        try #require(try await service.systemctl("reload").succeeded)
        let main = try await service.mainPID
        let seen = try await sandbox.shell(
          "tr '\\0' '\\n' < /proc/$(pgrep -nP \(main))/environ | grep COLOUR")
        #expect(seen.output == "COLOUR=red\n")
        try await sandbox.run(["rm", variables])
      }
    }

    @Test("the unit that runs on demand goes down and comes back")
    func idle() async throws {
      try await withUnit(
        "idle-app",
        prepare: "sed -i 's/--exit-idle 10min/--exit-idle 1s/' /etc/systemd/system/idle-app.service"
      ) { service, ask, _ in
        let first = try await ask().output
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("Result") == "success")
        let second = try await ask().output
        #expect(first.hasPrefix("hello") && second.hasPrefix("hello") && first != second)
      }
    }
  }
}
