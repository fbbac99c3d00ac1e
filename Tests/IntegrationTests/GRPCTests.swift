import Testing

extension UnderSystemd {
  @Suite(
    "gRPC checks",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no gRPC: skipped there"))
  struct GRPCChecks {
    @Test("ready once the server says SERVING; NOT_SERVING is told, and not fed")
    func life() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      try await sandbox.shell("echo NOT_SERVING > \(control)")
      let text = serviceText(
        vouch: "--grpc :\(port) --interval 200ms",
        child: Fixture.grpcServer(port: port, control: control), "WatchdogSec=3", "Restart=no")
      try await sandbox.withService("grpc", text) { service in
        try await service.beginStart()
        try await service.wait(for: "StatusText", "tells why it is not ready") {
          $0.contains("grpc :\(port): NOT_SERVING")
        }
        #expect(try await service.property("ActiveState") == "activating")

        try await sandbox.shell("echo SERVING > \(control)")
        try await service.wait(for: "ActiveState", "active")
        try await service.wait(for: "StatusText", "tells that it serves") {
          $0.hasPrefix("ready; grpc :\(port): SERVING in ")
        }

        try await sandbox.shell("echo NOT_SERVING > \(control)")
        try await service.wait(for: "StatusText", "names NOT_SERVING") {
          $0.hasPrefix("failing") && $0.contains("grpc :\(port): NOT_SERVING")
        }
        try await service.wait(for: "Result", "watchdog")
      }
    }
  }
}
