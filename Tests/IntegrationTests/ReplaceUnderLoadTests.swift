import Testing

extension UnderSystemd {
  @Suite(
    "--on-reload replace under load",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
  struct ReplaceUnderLoad {
    struct Server: Sendable, CustomTestStringConvertible {
      var name: String
      var command: String
      var options = "--pass systemd"
      var port: Int?
      var testDescription: String { name }
    }

    static let servers = [
      Server(
        name: "gunicorn",
        command: "/usr/bin/gunicorn --workers 2 --chdir \(Places.Inside.fixtures)/wsgi-app app:app"),
      Server(name: "node", command: "/usr/bin/node \(Places.Inside.fixtures)/node-app/server.js"),
      Server(
        name: "web-app", command: "/usr/bin/python3 \(Places.Inside.fixtures)/web_app.py"),
      Server(name: "go", command: "/srv/go-app/go-app"),
      Server(
        name: "adopted-go", command: "/srv/go-app/go-app -listen 127.0.0.1:18432",
        options: "--pass adopt", port: 18432),
      Server(
        name: "adopted",
        command: "/usr/bin/python3 \(Places.Inside.fixtures)/web_app.py --port 18431",
        options: "--pass adopt", port: 18431),
    ]

    /// Whether the server leaves connections open at all: gunicorn's sync workers and Python's HTTP/1.0 do
    /// not.
    static let keeping: Set = ["node", "go", "adopted-go"]

    @Test(
      "six replacements fail no request, of clients with a connection each time or with one they keep",
      arguments: servers)
    func replacements(of server: Server) async throws {
      let sandbox = try await Sandbox.shared
      if server.name.hasSuffix("go") { try await sandbox.installShippedUnits() }
      let port = server.port ?? Service.freshPort()
      let name = "replace-\(server.name)"
      let text = serviceText(
        vouch: "--http / --interval 1s --on-reload replace \(server.options)",
        child: server.command, "ExecReload=\(Places.Inside.vouch) reload", "WatchdogSec=20",
        "Restart=no")
      try await sandbox.install(name + ".socket", "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      try await sandbox.withService(name, text) { service in
        try await sandbox.run(["systemctl", "start", name + ".socket"])
        try await service.start()
        let main = try await service.mainPID
        let report = try await sandbox.underLoad(.httpKeeping(port: port), seconds: 120) {
          for round in 2...7 {
            let reloaded = try await service.systemctl("reload")
            #expect(reloaded.succeeded, "\(reloaded)")
            try await service.wait(for: "StatusText", "is ready") { $0.hasPrefix("ready;") }
            try await service.logged("generation \(round) serves")
          }
        }
        #expect(report.failures == 0, "\(report)")
        #expect(report.requests >= 50, "\(report)")
        if Self.keeping.contains(server.name) { #expect(report.reused ?? 0 >= 50, "\(report)") }
        #expect(try await service.mainPID == main)
        #expect(try await service.property("NRestarts") == "0")
        try await eventually("only the last generation is left") {
          try await service.childPIDs.count
        } holds: {
          $0 <= 3
        }
        print("\(server.name): \(report)")
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
      try await sandbox.run(["systemctl", "stop", name + ".socket"])
    }
  }
}
