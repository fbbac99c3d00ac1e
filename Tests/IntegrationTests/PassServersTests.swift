import Testing

extension UnderSystemd {
  /// Real programs from Debian that take their sockets in one of the ways of `--pass`, mostly with the
  /// units that vouch ships, as they are.
  @Suite(
    "--pass with real programs",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
  struct PassServers {
    struct Server: Sendable, CustomTestStringConvertible {
      /// Of the units.
      var name: String
      var pass: String
      var target: LoadTarget
      /// What is asked once, and what the answer has to have in it.
      var question: String
      var answer: String
      /// What the program is called in `ps`; a stand-in of another kind would fail the test.
      var process: String
      /// SuccessExitStatus= or 0.
      var status = 0
      var restarts = 4

      var testDescription: String { "\(name), --pass \(pass)" }
    }

    private static func http(
      _ name: String, _ pass: String, port: Int, _ answer: String, process: String, status: Int = 0
    ) -> Server {
      Server(
        name: name, pass: pass, target: .http(port: port),
        question: "curl --silent --show-error --max-time 20 http://127.0.0.1:\(port)/",
        answer: answer, process: process, status: status)
    }

    private static func speaking(
      _ protocolName: String, _ address: String, name: String, pass: String, _ answer: String,
      process: String, status: Int = 0
    ) -> Server {
      Server(
        name: name, pass: pass, target: .speaking(protocolName, address),
        question: "\(client) \(protocolName) \(address) --once", answer: answer,
        process: process, status: status)
    }

    private static let client = "/usr/bin/python3 \(Places.Inside.fixtures)/protocol_load.py"

    static let servers = [
      http("gunicorn", "systemd", port: 8001, "hello from WSGI", process: "gunicorn"),
      http("node-app", "systemd", port: 8002, "hello from node", process: "node"),
      http("go-app", "systemd", port: 8011, "hello from Go", process: "go-app"),
      http("lighttpd", "systemd", port: 8012, "hello from a directory", process: "lighttpd"),
      http("uvicorn", "argv", port: 8013, "hello from ASGI", process: "uvicorn"),
      http("haproxy", "env", port: 8014, "hello from HAProxy", process: "haproxy"),
      http("unicorn", "env", port: 8015, "hello from Rack", process: "unicorn"),
      http("nginx-activated", "nginx", port: 80, "Welcome to nginx!", process: "nginx"),
      speaking(
        "fastcgi", "127.0.0.1:8017", name: "php-fpm", pass: "php-fpm", "hello from PHP",
        process: "php-fpm8.2"),
      http("go-own-port", "adopt", port: 8019, "hello from Go", process: "go-app"),
      http("starlet", "server-starter", port: 8016, "hello from PSGI", process: "/usr/bin/placku"),
      http("java-app", "inetd", port: 8018, "hello from Java", process: "java", status: 143),
      // It has no handler for SIGTERM.
      speaking(
        "tftp", "127.0.0.1:8069", name: "tftpd", pass: "inetd", "hello from TFTP",
        process: "in.tftpd", status: 15),
    ]

    @Test(
      "is activated by a request, and restarts under load without a failed one", arguments: servers)
    func restarts(of server: Server) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: server.name + ".service")
      try await sandbox.run(["systemctl", "start", server.name + ".socket"])
      #expect(try await service.property("ActiveState") == "inactive")

      // Nothing but the request starts the service, and it is answered.
      let answer = try await sandbox.shell(server.question)
      #expect(answer.output.contains(server.answer), "\(answer)")
      try await service.wait(for: "ActiveState", "active")
      #expect(try await service.property("StatusText").hasPrefix("ready; "))
      let command = try await service.property("ExecStart")
      #expect(command.contains(" --pass \(server.pass)") || server.pass == "systemd")
      let child = try await service.childPID
      #expect(
        try await sandbox.run(["cat", "/proc/\(child)/comm"]).output.hasPrefix(server.process))

      let report = try await sandbox.underLoad(server.target) {
        for _ in 1...server.restarts {
          try await service.systemctl("reset-failed")
          if server.process == "gunicorn" { try await Self.workersAreUp(service) }
          let before = try await service.mainPID
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
          #expect(try await service.mainPID != before)
        }
      }
      #expect(report.failures == 0, "\(report)")
      // Enough to have met every restart.
      #expect(report.requests >= 10 * server.restarts, "\(report)")

      try await service.stop()
      #expect(try await service.property("Result") == "success")
      #expect(try await service.property("ExecMainStatus") == String(server.status))
      let journal = try await service.journal()
      #expect(!journal.contains("Failed with result"), "\(journal)")
      try await sandbox.run(["systemctl", "stop", server.name + ".socket"])
    }

    @Test("HAProxy takes one socket from an argument and another from a variable")
    func haproxyOfTwo() async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let port = Service.freshPort()
      let path = "/run/haproxy-two-master.sock"
      let sockets = ["haproxy-two-web.socket", "haproxy-two-master.socket"]
      for (unit, listen) in zip(sockets, ["127.0.0.1:\(port)", path]) {
        let name = unit.contains("web") ? "web" : "master"
        try await sandbox.install(
          unit,
          "[Socket]\nService=haproxy-two.service\nFileDescriptorName=\(name)\nListenStream=\(listen)\n"
        )
      }
      let text = serviceText(
        vouch: "--pass argv --pass env:HTTP_BIND=fd@{fd:web} --http @web/",
        child: "/usr/sbin/haproxy -W -S fd@{fd:master} -f /srv/haproxy/haproxy.cfg",
        "Sockets=" + sockets.joined(separator: " "), "DynamicUser=yes", "KillSignal=SIGUSR1")
      // The master's own command line, through the passed path.
      let ask =
        "import socket; c = socket.socket(socket.AF_UNIX); c.settimeout(20); c.connect('\(path)');"
        + "c.sendall(b'show proc\\n'); print(c.recv(4096).decode())"
      try await sandbox.withService("haproxy-two", text) { service in
        try await sandbox.run(["systemctl", "start"] + sockets)
        try await service.start()
        for _ in 1...2 {
          let report = try await sandbox.underLoad(port: port) {
            // It answers, so it is ready for signals, too: its worker serves before that.
            let told = try await sandbox.run(["/usr/bin/python3", "-c", ask])
            #expect(told.output.contains("\(try await service.childPIDs[0])"), "\(told)")
            #expect(told.output.contains("# workers"))
            try await service.systemctl("restart")
          }
          #expect(report.failures == 0, "\(report)")
        }
        try await sandbox.run(["systemctl", "stop"] + sockets)
      }
    }

    @Test("nginx reloads under load without a failed request")
    func reloads() async throws {
      let server = try #require(Self.servers.first { $0.name == "nginx-activated" })
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: server.name + ".service")
      try await service.start()
      let old = Set(try await service.childPIDs)
      let main = try await service.mainPID
      let report = try await sandbox.underLoad(server.target) {
        for _ in 1...2 {
          let reloaded = try await service.systemctl("reload")
          #expect(reloaded.succeeded, "\(reloaded)")
          try await Task.sleep(for: .milliseconds(200))
        }
      }
      #expect(report.failures == 0, "\(report)")
      // The master process stays and replaces its workers.
      try await eventually("the workers are new") {
        try await service.childPIDs
      } holds: {
        Set($0).intersection(old).count == 1 && $0.count > 1
      }
      #expect(try await service.mainPID == main)
      #expect(try await service.property("ActiveState") == "active")
      try await service.stop()
      try await sandbox.run(["systemctl", "stop", server.name + ".socket"])
    }

    @Test("a service without a .socket unit restarts under load without a failed request: --listen")
    func listenAndStore() async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: "listen-app.service")
      try await service.start()
      #expect(try await service.property("NFileDescriptorStore") == "1")
      let report = try await sandbox.underLoad(port: 8020) {
        for _ in 1...4 {
          try await service.systemctl("reset-failed")
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
        }
      }
      #expect(report.failures == 0, "\(report)")
      #expect(report.requests >= 40, "\(report)")
      try await service.stop()
      #expect(try await service.property("Result") == "success")
    }

    /// gunicorn 20.1 loses the SIGTERM for a worker that has just been forked, and then waits 30 s for
    /// it: that is gunicorn's, with vouch or without.
    private static func workersAreUp(_ service: Service) async throws {
      try await eventually("gunicorn has its two workers") {
        try await service.childPIDs
      } holds: {
        $0.count == 3
      }
      try await Task.sleep(for: .milliseconds(300))
    }

    @Test("exim waits for mail on its standard input (-bw), and restarts without a lost session")
    func exim() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let configuration = Service.freshFile("exim.conf")
      try await sandbox.shell(
        "cp \(Places.Inside.fixtures)/exim.conf \(configuration); chmod 644 \(configuration)")
      try await sandbox.install(
        "exim-wait.socket", "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      // Each session has a process of its own, which goes on after exim's end: KillMode=mixed would
      // kill it then.
      let text = serviceText(
        vouch: #"--pass inetd --tcp ":\#(port) peer=any""#,
        child: "/usr/sbin/exim4 -C \(configuration) -bw", "KillMode=process",
        "User=Debian-exim", "RuntimeDirectory=exim-wait", "NoNewPrivileges=yes")
      try await sandbox.withService("exim-wait", text) { service in
        try await sandbox.run(["systemctl", "start", "exim-wait.socket"])
        let address = "127.0.0.1:\(port)"
        let answer = try await sandbox.shell("\(Self.client) smtp \(address) --once")
        #expect(answer.output.hasPrefix("220 mail.example ESMTP Exim"), "\(answer)")
        let report = try await sandbox.underLoad(.speaking("smtp", address)) {
          for _ in 1...3 {
            try await service.systemctl("restart")
            // Exim takes its time for a session.
            try await Task.sleep(for: .milliseconds(500))
          }
        }
        #expect(report.failures == 0, "\(report)")
        // A session outlasts several restarts where the machine is busy.
        #expect(report.requests >= 2, "\(report)")
        try await sandbox.run(["systemctl", "stop", "exim-wait.socket"])
      }
    }

    @Test("a worker is woken by a datagram that it never sees, and not again by the same one")
    func worker() async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let service = Service(sandbox: sandbox, name: "worker.service")
      try await sandbox.run(["systemctl", "start", "worker.socket"])
      let wake =
        "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
        + ".sendto(b'', '/run/worker.wake')"
      try await sandbox.run(["/usr/bin/python3", "-c", wake])
      try await service.wait(for: "StatusText", "is ready", where: { $0.hasPrefix("ready; ") })
      let child = try await service.childPID
      let seen = try await sandbox.shell(
        "tr '\\0' '\\n' < /proc/\(child)/environ; readlink /proc/\(child)/fd/*")
      #expect(!seen.output.contains("LISTEN_"), "\(seen)")
      #expect(seen.output.split(separator: "\n").filter { $0.hasPrefix("socket:") }.count <= 2)
      try await sandbox.shell("touch /var/lib/private/worker/first-job")
      try await eventually("the job is done") {
        try await service.journal()
      } holds: {
        $0.contains("working on first-job")
      }
      try await service.stop()
      #expect(try await service.property("ActiveState") == "inactive")
      #expect(try await service.property("NRestarts") == "0")
      try await sandbox.run(["systemctl", "stop", "worker.socket"])
    }

    @Test("server-starter tells what the real start_server tells, socket by socket")
    func startServer() async throws {
      let sandbox = try await Sandbox.shared
      let v4 = Service.freshPort()
      let v6 = Service.freshPort()
      let any = Service.freshPort()
      let path = Service.freshFile("starter.sock")
      let theirs = Service.freshFile("starter-theirs")
      let ours = Service.freshFile("starter-ours")
      let tell = { (file: String) in
        "/bin/sh -c 'env > \(file).new; mv \(file).new \(file); exec sleep 1000'"
      }
      let ports = "--port 127.0.0.1:\(v4) --port [::1]:\(v6) --port \(any) --path \(path)"
      try await sandbox.shell(
        "/usr/bin/start_server \(ports) -- \(tell(theirs)) >/dev/null 2>&1 & starter=$!; "
          + "for try in $(seq 200); do [ -e \(theirs) ] && break; sleep 0.1; done; "
          + "kill $starter; wait $starter")
      try await sandbox.install(
        "starter.socket",
        """
        [Socket]
        ListenStream=127.0.0.1:\(v4)
        ListenStream=[::1]:\(v6)
        ListenStream=0.0.0.0:\(any)
        ListenStream=\(path)

        """)
      let text = serviceText(
        vouch: "--pass server-starter --no-check", child: tell(ours).replacing("$", with: "$$"))
      try await sandbox.withService("starter", text) { service in
        try await sandbox.run(["systemctl", "start", "starter.socket"])
        try await service.start()
        try await eventually("it has told") {
          try await sandbox.run(["test", "-e", ours]).succeeded
        } holds: {
          $0
        }
        let lines = { (file: String) async throws -> [String] in
          try await sandbox.shell("grep ^SERVER_STARTER_ \(file) | sort").output
            .split(separator: "\n").map(String.init)
        }
        let real = try await lines(theirs)
        let given = try await lines(ours)
        try #require(real.count == 2 && given.count == 2, "\(real) \(given)")
        // The numbers differ: start_server has descriptors of its own open.
        #expect(given.map(Self.withoutNumbers) == real.map(Self.withoutNumbers))
        #expect(given[0] == "SERVER_STARTER_GENERATION=1")
        #expect(
          given[1]
            == "SERVER_STARTER_PORT=127.0.0.1:\(v4)=3;[::1]:\(v6)=4;\(any)=5;\(path)=6")
        try await sandbox.run(["systemctl", "stop", "starter.socket"])
      }
    }

    /// `A=3;B=4` without the numbers of descriptors.
    private static func withoutNumbers(_ line: String) -> [Substring] {
      line.split(separator: ";").map { $0[..<($0.lastIndex(of: "=") ?? $0.endIndex)] }
    }
  }
}
