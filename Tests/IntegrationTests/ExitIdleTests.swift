import Foundation
import Testing

/// What Tests/fixtures/edge.py prints.
private struct EdgeReport: Decodable {
  var requests: Int
  var failures: Int
  var firstFailure: String?
  /// How many different processes answered.
  var servers: Int
  var worstSeconds: Double
}

extension UnderSystemd {
  @Suite("--exit-idle") struct ExitIdle {
    /// Installs a socket and a service of one name, for as long as the body runs.
    ///
    /// - Parameter listen: instead of a port of 127.0.0.1.
    func withActivated(
      _ name: String, vouch: String, child: String, settings: String = "", listen: String? = nil,
      kind: String = "ListenStream",
      _ body: (Service, Service, Int, Sandbox) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      // No limit of systemd's own: these tests activate far more often than a service should.
      try await sandbox.install(
        "\(name).socket",
        """
        [Unit]
        StartLimitIntervalSec=0
        [Socket]
        \(kind)=\(listen ?? "127.0.0.1:\(port)")
        TriggerLimitIntervalSec=0

        """)
      let text = serviceText(vouch: vouch, child: child, settings)
      try await sandbox.withService(name, text) { service in
        let unit = Service(sandbox: sandbox, name: "\(name).socket")
        try await unit.start()
        do {
          try await body(service, unit, port, sandbox)
        } catch {
          Issue.record("\(try await service.journal())")
          try await unit.stop()
          throw error
        }
        try await unit.stop()
      }
    }

    private func expectNoFailure(
      _ port: Int, _ sandbox: Sandbox, activations: Int, around seconds: Double
    ) async throws {
      let result = try await sandbox.run(
        [
          "/usr/bin/python3", Places.Inside.fixtures + "/edge.py", String(port),
          "--activations", String(activations), "--around", String(seconds),
        ], seconds: 240)
      try #require(result.succeeded, "\(result)")
      let report = try JSONDecoder().decode(EdgeReport.self, from: Data(result.output.utf8))
      print("at the edge: \(report)")
      #expect(report.failures == 0, "\(report)")
      #expect(report.servers >= activations, "\(report)")
    }

    private func ask(_ port: Int, _ sandbox: Sandbox) async throws -> CommandResult {
      try await sandbox.run(["curl", "-sS", "--max-time", "20", "http://127.0.0.1:\(port)/"])
    }

    @Test("goes to zero, comes back for the next connection, and Restart=on-failure leaves it be")
    func zero() async throws {
      try await withActivated(
        "idle-zero", vouch: "--http /healthz --interval 200ms --exit-idle 1s",
        child: Fixture.webApp(), settings: "Restart=on-failure\nRestartSec=100ms"
      ) { service, socket, port, sandbox in
        let first = try await ask(port, sandbox)
        #expect(first.output.hasPrefix("hello"), "\(first)")
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("Result") == "success")
        #expect(try await service.property("ExecMainStatus") == "0")
        #expect(try await socket.property("SubState") == "listening")
        try await service.logged("idle for 1 s: stopping")
        let second = try await ask(port, sandbox)
        #expect(second.output.hasPrefix("hello"), "\(second)")
        #expect(second.output != first.output, "another process")
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test("a child that dies of the stop signal ends the service with success, too")
    func killed() async throws {
      try await withActivated(
        "idle-killed", vouch: "--no-check --exit-idle 300ms",
        child: "/bin/sleep 1000", settings: "Restart=on-failure"
      ) { service, _, _, _ in
        try await service.start()
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("Result") == "success")
        #expect(try await service.property("ExecMainStatus") == "0")
      }
    }

    @Test(
      "every kind of listening socket is watched, and vouch's own probes are not counted",
      arguments: [
        ("v6", "", "--tcp"), ("unix", "/run/idle-unix", "--tcp"), ("abstract", "@idle", "--http"),
      ])
    func kinds(name: String, listen: String, check: String) async throws {
      let port = Service.freshPort()
      try await withActivated(
        "idle-\(name)", vouch: "\(check) @idle-\(name).socket --interval 50ms --exit-idle 500ms",
        child: "/usr/bin/python3 \(Places.Inside.fixtures)/abrupt_app.py",
        listen: name == "v6" ? "\(port)" : listen
      ) { service, _, _, sandbox in
        func ask() async throws -> String {
          let place =
            switch name {
            case "v6": ["http://127.0.0.1:\(port)/"]
            case "unix": ["--unix-socket", listen, "http://x/"]
            default: ["--abstract-unix-socket", "idle", "http://x/"]
            }
          return try await sandbox.run(["curl", "-sS", "--max-time", "20"] + place).output
        }
        var seen: Set<String> = []
        for _ in 0..<3 {
          seen.insert(try await ask())
          try await service.wait(for: "ActiveState", "inactive")
        }
        #expect(seen.count == 3, "\(seen)")
        #expect(seen.allSatisfy { $0.hasPrefix("hello") }, "\(seen)")
      }
    }

    @Test("what the command of an --exec check asks of the service does not keep it up")
    func ownCommand() async throws {
      let port = Service.freshPort()
      try await withActivated(
        "idle-exec",
        vouch: "--exec 'interval=300ms curl -sf http://127.0.0.1:\(port)/' --exit-idle 1s",
        child: Fixture.webApp(), listen: "127.0.0.1:\(port)"
      ) { service, _, _, _ in
        try await service.start()
        try await service.wait(for: "ActiveState", "inactive", within: 10)
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test("datagrams keep it up, too, and one that comes when it is down starts it")
    func datagrams() async throws {
      let echo =
        "import os, socket\ns = socket.socket(fileno=3)\n"
        + "while 1:\n  data, peer = s.recvfrom(9)\n  s.sendto(str(os.getpid()).encode(), peer)\n"
      let file = Service.freshFile("udp-echo")
      try await withActivated(
        "idle-udp", vouch: "--no-check --exit-idle 1s", child: "/usr/bin/python3 \(file)",
        kind: "ListenDatagram"
      ) { service, _, port, sandbox in
        try await sandbox.run(["/bin/sh", "-c", "printf %s \"$1\" > \(file)", "sh", echo])
        let client =
          "import socket, time\nc = socket.socket(type=socket.SOCK_DGRAM)\nc.settimeout(20)\n"
          + "for i in range(7):\n  c.sendto(b'x', ('127.0.0.1', \(port)))\n"
          + "  print(c.recv(9).decode())\n  time.sleep(0.6)\n"
        let first = try await sandbox.run(["/usr/bin/python3", "-c", client])
        #expect(Set(first.output.split(separator: "\n")).count == 1, "\(first)")
        #expect(first.output.split(separator: "\n").count == 7, "\(first)")
        try await service.wait(for: "ActiveState", "inactive")
        let second = try await sandbox.run(["/usr/bin/python3", "-c", client])
        #expect(second.output.split(separator: "\n").count == 7, "\(second)")
        #expect(first.output != second.output)
      }
    }

    @Test(
      "where connections cannot be seen it is refused, with the reason",
      arguments: [
        ("namespace", "PrivateNetwork=yes", "another network namespace"),
        ("families", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "AF_NETLINK"),
      ])
    func unseen(name: String, setting: String, words: String) async throws {
      try await withActivated(
        "idle-unseen-\(name)", vouch: "--no-check --exit-idle 1s", child: "/bin/sleep 1000",
        settings: setting
      ) { service, _, _, _ in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        try await service.logged(words)
      }
    }

    @Test("Restart=always works against it, and vouch says so")
    func restartAlways() async throws {
      try await withActivated(
        "idle-always", vouch: "--no-check --exit-idle 1h", child: "/bin/sleep 1000",
        settings: "Restart=always"
      ) { service, _, _, _ in
        try await service.start()
        try await service.logged("Restart=always starts the service again")
      }
    }

    @Test(
      "gunicorn with two workers, forty activations at the edge: no request fails",
      .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
    func gunicorn() async throws {
      let sandbox = try await Sandbox.shared
      let folder = Service.freshFile("idle-wsgi")
      try await sandbox.shell(
        """
        mkdir \(folder) && cat > \(folder)/app.py <<'END'
        import os
        def app(environ, start_response):
            body = b"hello from %d\\n" % os.getppid()
            start_response("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        END
        """)
      try await withActivated(
        "idle-gunicorn", vouch: "--http / --interval 200ms --exit-idle 200ms",
        child: "/usr/bin/gunicorn --workers 2 --chdir \(folder) app:app"
      ) { service, _, port, sandbox in
        try await expectNoFailure(port, sandbox, activations: 40, around: 0.22)
      }
    }

    @Test("an open connection keeps it up, and short ones in each period do, too")
    func kept() async throws {
      try await withActivated(
        "idle-kept", vouch: "--http /healthz --interval 1s --exit-idle 3s",
        child: Fixture.webApp()
      ) { service, _, port, sandbox in
        try await service.start()
        let main = try await service.mainPID
        let client =
          "import socket, time; c = socket.create_connection(('127.0.0.1', \(port))); time.sleep(6)"
        try await sandbox.run(["/usr/bin/python3", "-c", client])
        #expect(try await service.mainPID == main)
        for _ in 0..<5 {
          try await Task.sleep(for: .seconds(1))
          _ = try await ask(port, sandbox)
        }
        #expect(try await service.mainPID == main)
        try await service.wait(for: "ActiveState", "inactive")
      }
    }

    /// Asks it twice a second for eight.
    private func expectToStayUp(_ service: Service, _ port: Int, _ sandbox: Sandbox) async throws {
      let main = try await service.mainPID
      for _ in 0..<16 {
        try await Task.sleep(for: .milliseconds(500))
        _ = try await ask(port, sandbox)
      }
      #expect(try await service.mainPID == main)
    }

    @Test("short connections keep it up although a slow check is nearly always in flight")
    func slowCheck() async throws {
      try await withActivated(
        "idle-slow-check", vouch: "--http /healthz --interval 1s --exit-idle 2s",
        child: Fixture.webApp(delay: 0.9)
      ) { service, _, port, sandbox in
        try await service.start()
        try await expectToStayUp(service, port, sandbox)
        try await service.wait(for: "ActiveState", "inactive")
      }
    }

    @Test("nor does a check hide them whose connection is never accepted")
    func hangingCheck() async throws {
      let sandbox = try await Sandbox.shared
      let full = Service.freshPort()
      let script = Service.freshFile("idle-full.py")
      try await sandbox.shell(
        """
        cat > \(script) <<'END'
        import socket, time
        s = socket.create_server(('127.0.0.1', \(full)), backlog=0)
        clients = [socket.socket() for _ in range(4)]
        for c in clients: c.setblocking(False); c.connect_ex(('127.0.0.1', \(full)))
        time.sleep(120)
        END
        """)
      let text = "[Service]\nExecStart=/usr/bin/python3 \(script)\n"
      try await sandbox.withService("idle-full", text) { other in
        try await other.start()
        try await withActivated(
          "idle-hanging-check",
          vouch: "--http /healthz "
            + "--tcp \":\(full) gates=none interval=3s timeout=2900ms peer=any\" --exit-idle 1s",
          child: Fixture.webApp()
        ) { service, _, port, sandbox in
          try await service.start()
          try await expectToStayUp(service, port, sandbox)
          #expect(try await service.property("StatusText").contains("phase connect"))
          try await service.wait(for: "ActiveState", "inactive")
        }
      }
    }

    @Test(
      "100 activations, a client aiming at the very moment of each stop: no request fails",
      arguments: [
        ("graceful", Fixture.webApp()),
        // It has no handler for SIGTERM and dies of it at once.
        ("abrupt", "/usr/bin/python3 \(Places.Inside.fixtures)/abrupt_app.py"),
      ])
    func edge(name: String, child: String) async throws {
      try await withActivated(
        "idle-edge-\(name)", vouch: "--tcp @idle-edge-\(name).socket --exit-idle 100ms",
        child: child,
        settings: "Restart=on-failure"
      ) { service, _, port, sandbox in
        try await expectNoFailure(port, sandbox, activations: 100, around: 0.1)
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test("what could never be started again is refused, with status 64")
    func refused() async throws {
      let sandbox = try await Sandbox.shared
      for (options, words) in [
        ("--no-check --exit-idle 5s", "no socket was passed"),
        ("--no-check --exit-idle 5s --listen 127.0.0.1:18998", ".socket unit"),
        ("--no-check --exit-idle 5ms", "too short"),
        ("--no-check --exit-idle soon", "--exit-idle"),
      ] {
        let result = try await sandbox.shell("\(Places.Inside.vouch) \(options) -- /bin/true")
        #expect(result.status == 64, "\(result)")
        #expect(result.errors.contains(words), "\(result)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
      }
    }
  }
}
