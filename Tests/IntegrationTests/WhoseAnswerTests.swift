import Testing

extension UnderSystemd {
  /// Rule 6: vouch vouches for its own child alone.
  @Suite("whose answer it is") struct WhoseAnswer {
    private static let obstacle = "cannot be seen"

    private func server(_ port: Int, _ options: String = "") -> String {
      "/usr/bin/python3 \(Places.Inside.fixtures)/kin_server.py --port \(port) \(options)"
    }

    /// A stranger: a service without vouch.
    private func plain(_ command: String) -> String {
      "[Service]\nExecStart=\(command)\n"
    }

    private func waitForAnswer(_ port: Int, _ sandbox: Sandbox) async throws {
      try await eventually("port \(port) answers") {
        try await sandbox.run(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/"])
          .succeeded
      } holds: {
        $0
      }
    }

    @Test("an old instance that still holds the port is named, and never vouched for")
    func oldInstance() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      // As legacy start scripts do it; KillMode=process leaves the server behind.
      let text = serviceText(
        vouch: "--http \":\(port)/ interval=200ms\"",
        child: "/bin/sh -c '\(server(port)) & sleep 1000'", "KillMode=process")
      try await sandbox.withService("old-instance", text) { service in
        try await service.start()
        let old = try await listener(on: port, sandbox)
        try await service.systemctl("kill", "--kill-whom=main", "--signal=KILL")
        try await service.wait(for: "ActiveState", "failed")
        try await service.beginStart()
        try await service.wait(for: "StatusText", "names the old server") {
          $0.contains("answered by process \(old) (python3), which is not this service's")
        }
        #expect(try await service.property("ActiveState") == "activating")
        try await sandbox.run(["kill", "-KILL", "\(old)"])
      }
    }

    /// The server of a port, by its command line.
    private func listener(on port: Int, _ sandbox: Sandbox) async throws -> Int {
      let found = try await sandbox.run(["pgrep", "-f", "^/usr/bin/python3 .*--port \(port)"])
      return try #require(Int(found.output.trimmed), "\(found)")
    }

    @Test("another service on the port is named; once it is gone and the child serves, READY comes")
    func otherService() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.withService("other-on-port", plain(server(port))) { other in
        try await other.start()
        try await waitForAnswer(port, sandbox)
        let stranger = try await other.mainPID
        let text = serviceText(
          vouch: "--http \":\(port)/ interval=200ms\" --tcp \":\(port) interval=200ms\"",
          child: "/bin/sh -c 'until \(server(port)); do sleep 0.1; done'")
        try await sandbox.withService("port-taken", text) { service in
          try await service.beginStart()
          try await service.wait(for: "StatusText", "names the stranger") {
            $0.contains("answered by process \(stranger) (python3)")
          }
          #expect(try await service.property("ActiveState") == "activating")
          try await other.stop()
          try await service.wait(for: "ActiveState", "active")
        }
      }
    }

    @Test("two programs on one port by SO_REUSEPORT: the stranger's answers never count")
    func reusePort() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.withService(
        "reuse-stranger", plain(server(port, "--reuse --status 200"))
      ) { other in
        try await other.start()
        try await waitForAnswer(port, sandbox)
        let stranger = try await other.mainPID
        let text = serviceText(
          vouch: "--http \":\(port)/ status=200-299 interval=30ms\" --log-level debug",
          child: server(port, "--reuse --status 204"))
        try await sandbox.withService("reuse-own", text) { service in
          try await service.start()
          try await eventually("both have answered, and were told apart") {
            try await service.journal()
          } holds: {
            $0.contains(": 204 in ") && $0.contains("answered by process \(stranger) (python3)")
          }
          #expect(try await !service.journal().contains(": 200 in "))
        }
      }
    }

    @Test(
      "the child's whole family is its own: wrapped, double-forked, as another user",
      arguments: [
        ("plain", "SERVER"), ("shell", "/bin/sh -c 'SERVER; exit 1'"),
        ("double-fork", "SERVER --double-fork"),
        ("other-user", "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups SERVER"),
        ("session", "/bin/sh -c 'setsid -w SERVER & wait'"),
      ])
    func family(name: String, command: String) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let child = command.replacing("SERVER", with: server(port))
      let text = serviceText(
        vouch: "--http \":\(port)/ interval=100ms\" --tcp :\(port)", child: child, "WatchdogSec=2",
        "KillMode=control-group")
      try await sandbox.withService("family-" + name, text) { service in
        try await service.start()
        try await service.wait(for: "StatusText", "stays ready") { $0.hasPrefix("ready") }
        let journal = try await service.journal()
        #expect(!journal.contains(Self.obstacle), "\(journal)")
        #expect(!journal.contains("failing"), "\(journal)")
      }
    }

    @Test("a child that belongs to another user than vouch passes, with one notice")
    func hidden() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let setpriv = Service.freshFile("setpriv")
      // /run is nosuid for a reason; a small file system of its own is not.
      try await sandbox.shell(
        "mkdir \(setpriv); mount -t tmpfs -o suid,mode=755 tmpfs \(setpriv);"
          + "cp /usr/bin/setpriv \(setpriv)/become; chmod 4755 \(setpriv)/become")
      let child =
        "\(setpriv)/become --reuid=65534 --regid=65534 --clear-groups \(server(port))"
      let text = serviceText(
        vouch: "--http \":\(port)/ interval=100ms\" --tcp \":\(port) interval=100ms\"",
        child: child, "User=daemon", "KillMode=control-group")
      try await sandbox.withService("hidden-child", text) { service in
        try await service.start()
        try await waitForAnswer(port, sandbox)
        let journal = try await service.journal()
        #expect(journal.ranges(of: Self.obstacle).count == 1, "\(journal)")
        #expect(journal.contains("belongs to another user"), "\(journal)")
      }
      try await sandbox.shell("umount \(setpriv)")
    }

    @Test("without AF_NETLINK the checks pass, with one notice that says what is missing")
    func noNetlink() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http \":\(port)/ interval=100ms\" --tcp \":\(port) interval=100ms\"",
        child: server(port), "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6")
      try await sandbox.withService("no-netlink", text) { service in
        try await service.start()
        let journal = try await service.journal()
        #expect(journal.ranges(of: Self.obstacle).count == 1, "\(journal)")
        #expect(journal.contains("RestrictAddressFamilies= of the unit lacks AF_NETLINK"))
      }
    }

    @Test("without AF_NETLINK a listen queue cannot be seen: refused before the child starts")
    func noNetlinkBacklog() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http :\(port)/ --backlog :\(port)", child: server(port),
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6")
      try await sandbox.withService("no-netlink-backlog", text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        let journal = try await service.journal()
        #expect(journal.contains("a listen queue cannot be seen here"), "\(journal)")
        #expect(journal.contains("AF_NETLINK"))
        #expect(!journal.contains("started "))
      }
    }

    @Test(
      "a server that stopped accepting is found out by its listen queue, before a client gives up")
    func backlog() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http \":\(port)/ timeout=20s interval=20s gates=ready\" "
          + "--backlog \":\(port) max=50% interval=200ms fall=2\" --on-unhealthy trigger",
        child: server(port, "--backlog 16"), "WatchdogSec=60", "Restart=on-failure", "RestartSec=0")
      try await sandbox.withService("backlog", text) { service in
        try await service.start()
        try await service.wait(for: "StatusText", "shows the queue") {
          $0.contains("listen queue 0 of 16")
        }
        let frozen = try await service.childPID
        try await sandbox.run(["kill", "-STOP", "\(frozen)"])
        let clients =
          "import socket\n"
          + "all = [socket.create_connection(('127.0.0.1', \(port)), 30) for _ in range(12)]\n"
          + "for client in all: client.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')\n"
          + "try: print('end', client.recv(100))\n"
          + "except ConnectionResetError: print('reset')\n"
          + "except TimeoutError: print('timed out')\n"
        let result = try await sandbox.run(["/usr/bin/python3", "-c", clients])
        // The watchdog's end of the server ends the wait of the clients, not their patience.
        #expect(result.output.trimmed == "reset", "\(result)")
        try await service.wait(for: "NRestarts", "1")
        try await service.wait(for: "ActiveState", "active")
        let journal = try await service.journal()
        #expect(journal.contains("listen queue 12 of 16 (75 %), at most 50 %"), "\(journal)")
      }
    }
  }
}
