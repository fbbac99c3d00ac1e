import Testing

extension UnderSystemd {
  /// Unmodified servers from Debian, with the units that vouch ships, as they are.
  @Suite(
    "real servers",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
  struct RealServers {
    struct Server: Sendable, CustomTestStringConvertible {
      var name: String
      var isActivated = false
      var port: Int
      /// A line that the answer to GET / has.
      var answer: String
      var status = 200
      /// What the program is called in `ps`; a stand-in of another kind would fail the test.
      var process: String

      var testDescription: String { name }
    }

    static let servers = [
      Server(name: "nginx", port: 80, answer: "Welcome to nginx!", process: "nginx"),
      Server(
        name: "gunicorn", isActivated: true, port: 8001, answer: "hello from WSGI",
        process: "gunicorn"),
      Server(
        name: "node-app", isActivated: true, port: 8002, answer: "hello from node", process: "node"),
      Server(
        name: "static-site", port: 8000, answer: "hello from a directory", process: "python3"),
      Server(
        name: "default-backend", port: 8404, answer: "404 page not found", status: 404,
        process: "python3"),
      Server(
        name: "web-app", isActivated: true, port: 8003, answer: "hello from process",
        process: "python3"),
    ]

    @Test("starts ready, answers, is fed, reloads or restarts, and stops clean", arguments: servers)
    func life(of server: Server) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: server.name + ".service")
      if server.isActivated {
        let started = try await sandbox.run(["systemctl", "start", server.name + ".socket"])
        #expect(started.succeeded, "\(started)")
      }
      try await service.start()
      let status = try await service.systemctl("status", "--no-pager").output
      #expect(status.contains("Status: \"ready; http "))
      #expect(status.contains(": \(server.status) in "))
      try await expectAnswer(server, sandbox)
      let child = try await service.childPID
      let name = try await sandbox.run(["cat", "/proc/\(child)/comm"]).output
      #expect(name.hasPrefix(server.process))

      try await service.systemctl("restart")
      #expect(try await service.property("ActiveState") == "active")
      try await expectAnswer(server, sandbox)

      try await service.stop()
      #expect(try await service.property("Result") == "success")
      let journal = try await service.journal()
      #expect(!journal.contains("Failed with result"))
      // Its processes were recognised as the service's own.
      #expect(!journal.contains("cannot be seen"), "\(journal)")
      if server.isActivated {
        try await sandbox.run(["systemctl", "stop", server.name + ".socket"])
      }
    }

    @Test(
      "reloads without losing its main process",
      arguments: servers.filter {
        ["nginx", "gunicorn"].contains($0.name)
      })
    func reload(of server: Server) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: server.name + ".service")
      try await service.start()
      let main = try await service.mainPID
      let old = Set(try await service.childPIDs)
      let reloaded = try await service.systemctl("reload")
      #expect(reloaded.succeeded, "\(reloaded)")
      // The master process stays and replaces all its workers.
      try await eventually("the workers are new") {
        try await service.childPIDs
      } holds: {
        Set($0).intersection(old).count == 1 && $0.count > 1
      }
      #expect(try await service.mainPID == main)
      #expect(try await service.property("ActiveState") == "active")
      try await expectAnswer(server, sandbox)
      try await service.stop()
      try await sandbox.shell("systemctl stop \(server.name).socket 2>/dev/null")
    }

    @Test("a frozen nginx is found out and restarted")
    func frozenNginx() async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: "nginx.service")
      // The shipped period of 30 s, shortened for the test.
      try await sandbox.shell(
        "mkdir -p /run/systemd/system/nginx.service.d; "
          + "printf '[Service]\\nWatchdogSec=2\\nRestartSec=0\\n' "
          + "> /run/systemd/system/nginx.service.d/test.conf; systemctl daemon-reload")
      try await service.start()
      let frozen = try await service.childPIDs
      try await sandbox.shell("kill -STOP \(frozen.map(String.init).joined(separator: " "))")
      try await service.wait(for: "NRestarts", "1", within: 60)
      try await service.wait(for: "ActiveState", "active", within: 60)
      try await expectAnswer(Self.servers[0], sandbox)
      try await service.stop()
      try await sandbox.shell(
        "rm -r /run/systemd/system/nginx.service.d; systemctl daemon-reload")
    }

    private func expectAnswer(_ server: Server, _ sandbox: Sandbox) async throws {
      let answer = try await sandbox.run([
        "curl", "--silent", "--max-time", "20", "--write-out", "\n%{http_code}",
        "http://127.0.0.1:\(server.port)/",
      ])
      #expect(answer.output.contains(server.answer), "\(answer)")
      #expect(answer.output.hasSuffix("\n\(server.status)"))
    }
  }
}
