import Testing

extension UnderSystemd {
  @Suite("exec checks") struct ExecChecks {
    /// A check that never ends by itself: it ignores SIGTERM, forks, and floods its output.
    private static let unruly = """
      #!/bin/sh
      trap '' TERM INT HUP
      (trap '' TERM; exec sleep 1000) &
      while :; do echo flooding flooding flooding flooding flooding; done
      """

    @Test("one that ignores SIGTERM, forks and floods is killed with its group, each time")
    func unruly() async throws {
      let sandbox = try await Sandbox.shared
      let script = Service.freshFile("unruly")
      try await sandbox.run(["/bin/sh", "-c", "printf '%s' \"$1\" > \(script)", "sh", Self.unruly])
      let text = serviceText(
        vouch: "--exec \"/bin/sh \(script)\" --interval 100ms --timeout 100ms",
        child: "/bin/sleep 900", "TimeoutStartSec=60")
      try await sandbox.withService("unruly", text) { service in
        try await service.beginStart()
        try await service.wait(for: "StatusText", "tells the timeout") {
          $0.contains("not ended within 100 ms")
        }
        // Many rounds later there is no more than the child and one round's processes: nothing was
        // left behind, dead or alive.
        let before = try await cpuRounds(service)
        try await eventually("rounds go on") {
          try await cpuRounds(service)
        } holds: {
          $0 > before + 1_000_000_000
        }
        let processes = try await service.childPIDs
        #expect(processes.count <= 4, "the child, a shell, its fork, its sleep: \(processes)")
        let listing = try await sandbox.run(["ps", "-A", "-o", "stat=,ppid="])
        try #require(listing.succeeded, "\(listing)")
        let main = try await service.mainPID
        let zombies = listing.output.split(separator: "\n").count {
          $0.hasPrefix("Z") && $0.hasSuffix(" \(main)")
        }
        #expect(zombies <= 2)
        let anonymous = try await sandbox.shell(
          "awk '/^Anonymous:/ { print $2 }' /proc/\(main)/smaps_rollup")
        #expect((Int(anonymous.output.trimmed) ?? .max) < 16_384, "KiB, of a debug build")
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }

    /// CPU time of the unit, which the flood spends.
    private func cpuRounds(_ service: Service) async throws -> Int {
      Int(try await service.property("CPUUsageNSec")) ?? 0
    }

    @Test("what a check that passes leaves running in its group does not pile up")
    func leftovers() async throws {
      let sandbox = try await Sandbox.shared
      let count = Service.freshFile("count")
      let text = serviceText(
        vouch: "--exec \"/bin/sh -c 'echo x >> \(count); sleep 1000 & exit 0'\" --interval 50ms",
        child: "/bin/sleep 900")
      try await sandbox.withService("leftovers", text) { service in
        try await service.start()
        try await eventually("twenty rounds") {
          try await sandbox.run(["cat", count]).output.count
        } holds: {
          $0 > 40
        }
        #expect(try await service.childPIDs.count <= 3)
      }
    }
  }
}
