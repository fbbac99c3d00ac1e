import Testing

extension UnderSystemd {
  /// `--pass adopt` where the socket is a path, which programs remove before they bind it.
  @Suite(
    "adopting Unix paths",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
  struct AdoptPaths {
    struct Server: Sendable, CustomTestStringConvertible {
      var name: String
      /// PATH is the socket's, ROOM the folder that it is in.
      var command: String
      var speaks: String
      var isGraceful = true
      var settings = ""
      var testDescription: String { name }
    }

    static let servers = [
      // One worker: of several, one that still boots loses a SIGTERM that comes right after READY=1, serves
      // on, and is killed in the midst of it after its graceful timeout.
      Server(
        name: "gunicorn",
        command: "/usr/bin/gunicorn --workers 1 --bind unix:PATH --chdir \(wsgi) app:app",
        speaks: "http"),
      // By a path that is relative to where it runs.
      Server(
        name: "memcached", command: "/usr/bin/memcached -u nobody -s ./app.sock",
        speaks: "memcached", isGraceful: false, settings: "WorkingDirectory=ROOM"),
      Server(
        name: "redis",
        command: "/usr/bin/redis-server --port 0 --unixsocket PATH --save '' --dir ROOM",
        speaks: "redis", isGraceful: false),
      // It does not remove what is in its way, and would not start; it removes the path at its end.
      Server(name: "node", command: "/usr/bin/node \(server) PATH", speaks: "http"),
    ]
    private static let wsgi = Places.Inside.fixtures + "/wsgi-app"
    private static let server = Places.Inside.fixtures + "/adopt/server.js"

    private static let restarts = 3
    private static let clients = 4

    @Test("serves on the path that systemd has bound, through restarts", arguments: servers)
    func restarts(_ server: Server) async throws {
      let sandbox = try await Sandbox.shared
      try await withServer(server, sandbox) { service, path in
        let early = try AdoptLoadReport(
          await sandbox.shell(Sandbox.askOnce(server.speaks, path, clients: 8)))
        #expect(early.answered == 8, "\(early)")
        try await service.wait(for: "ActiveState", "active")
        let file = try await sandbox.run(["stat", "--format=%i", path]).output

        let report = try await sandbox.underAdoptLoad(server.speaks, path) {
          for _ in 1...Self.restarts {
            let restarted = try await service.systemctl("restart")
            #expect(restarted.succeeded, "\(restarted)")
          }
        }
        // Not once did a client find no path, or nobody behind it.
        #expect(report.refused == 0, "\(report)")
        #expect(report.failed == 0, "\(report)")
        #expect(report.cut <= (server.isGraceful ? 0 : Self.restarts * Self.clients), "\(report)")
        #expect(report.answered >= 40, "\(report)")
        try await service.stop()
        #expect(try await service.property("Result") == "success")
        #expect(try await sandbox.run(["stat", "--format=%i", path]).output == file)
      }
    }

    @Test(
      "an ordinary user, locked in, needs no right to the path's folder, where the socket is its own"
    )
    func ordinaryUser() async throws {
      let sandbox = try await Sandbox.shared
      var server = try #require(Self.servers.first { $0.name == "gunicorn" })
      server.name = "gunicorn-of-nobody"
      server.settings = """
        User=nobody
        NoNewPrivileges=yes
        CapabilityBoundingSet=
        SystemCallFilter=@system-service seccomp pidfd_getfd
        SystemCallErrorNumber=EPERM
        RestrictNamespaces=yes
        RestrictAddressFamilies=AF_UNIX
        ProtectProc=invisible
        """
      // Without AF_NETLINK a TCP check would wait for a moment in which the listen queue is empty.
      try await withServer(
        server, check: "--http @app/", socket: "SocketUser=nobody", sandbox
      ) { service, path in
        try await service.start()
        let report = try await sandbox.underAdoptLoad(server.speaks, path) {
          try await service.systemctl("restart")
        }
        #expect(report.answered == report.requests && report.answered > 0, "\(report)")
      }
    }

    @Test("php-fpm, which connects to its path first, is refused with what to use")
    func connectsFirst() async throws {
      let sandbox = try await Sandbox.shared
      let server = Server(name: "connects", command: "ROOM/php-fpm 1000", speaks: "http")
      try await withServer(server, sandbox) { service, _ in
        try await sandbox.shell(
          "ln -s /bin/sleep \(Places.Inside.scratch)/adopt-path-connects/php-fpm")
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        try await service.logged("use --pass php-fpm")
      }
    }

    @Test("haproxy, which renames a path of its own to this one, is told another way")
    func renames() async throws {
      let sandbox = try await Sandbox.shared
      let server = Server(
        name: "haproxy",
        command: "/usr/sbin/haproxy -f \(Places.Inside.fixtures)/adopt/haproxy.cfg", speaks: "http",
        settings: "Environment=ADDRESS=PATH")
      try await withServer(server, check: "--http /", sandbox) { service, path in
        let file = try await sandbox.run(["stat", "--format=%i", path]).output
        try await service.expectStartFails()
        try await service.logged("--pass argv with {fd}")
        #expect(try await sandbox.run(["stat", "--format=%i", path]).output == file)
      }
    }

    @Test("another path of the program's own is removed as ever")
    func ownPath() async throws {
      let sandbox = try await Sandbox.shared
      let done = Service.freshFile("removed")
      let script = """
        rm PATH && [ -S PATH ] && : > ROOM/other && rm ROOM/other && [ ! -e ROOM/other ] \
        && rm ROOM/../${0##*/}/app.sock && [ -S PATH ] && touch \(done); exec sleep 1000
        """
      let server = Server(
        name: "removals",
        command:
          "/bin/sh -c '\(script.replacing("\n", with: " ").replacing("$", with: "$$"))' ROOM",
        speaks: "http")
      try await withServer(server, check: "--no-check", sandbox) { service, _ in
        try await service.start()
        try await eventually("what it removes is as it expects") {
          try await sandbox.run(["test", "-e", done]).succeeded
        } holds: {
          $0
        }
      }
    }

    private func withServer(
      _ server: Server, check: String = "--tcp @app", socket: String = "", _ sandbox: Sandbox,
      _ body: (Service, _ path: String) async throws -> Void
    ) async throws {
      let name = "adopt-path-\(server.name)"
      let folder = Places.Inside.scratch + "/" + name
      let path = folder + "/app.sock"
      func filled(_ text: String) -> String {
        text.replacing("PATH", with: path).replacing("ROOM", with: folder)
      }
      try await sandbox.run(["mkdir", folder])
      let text = serviceText(
        vouch: "--pass adopt \(check)", child: filled(server.command), filled(server.settings))
      try await sandbox.withService(name, text) { service in
        try await sandbox.install(
          name + ".socket", "[Socket]\nFileDescriptorName=app\nListenStream=\(path)\n\(socket)\n")
        let started = try await sandbox.run(["systemctl", "start", name + ".socket"])
        try #require(started.succeeded, "\(started)")
        do {
          try await body(service, path)
        } catch {
          Issue.record("\(error)\n\(try await service.journal())")
        }
        try await sandbox.shell(
          "systemctl stop \(name).socket \(name).service; rm /run/systemd/system/\(name).socket")
      }
    }
  }
}
