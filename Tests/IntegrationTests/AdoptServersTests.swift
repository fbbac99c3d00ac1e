import Testing

extension UnderSystemd {
  /// `--pass adopt` with servers of many run-times, which all bind for themselves and know nothing of
  /// socket activation.
  @Suite(
    "adopting unmodified servers",
    .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
  struct AdoptServers {
    struct Server: Sendable, CustomTestStringConvertible {
      var name: String
      /// Of the command: PORT is the port, FILES the fixtures, ROOM a folder of this service's own.
      var command: String
      /// ListenStream=, with PORT.
      var passed = "127.0.0.1:PORT"
      var speaks = "http"
      var settings: [String] = []
      /// Whether it ends with the requests in hand answered. Where it does not, nobody outside can
      /// answer them: that many may be cut off, and none refused.
      var isGraceful = true
      var prepare = "true"

      var testDescription: String { name }
    }

    static let servers = [
      // A wildcard that is dual-stack on both sides.
      Server(name: "static-go", command: "\(AdoptPrograms.folder)/go-server :PORT", passed: "PORT"),
      // The JVM binds ::ffff:127.0.0.1 on a dual-stack socket.
      Server(
        name: "java-nio",
        command: "/usr/bin/java -cp \(AdoptPrograms.folder) ChannelServer 127.0.0.1 PORT",
        settings: ["SuccessExitStatus=143"]),
      // It binds [::], and gets 0.0.0.0.
      Server(
        name: "java-httpserver",
        command: "/usr/bin/java -cp \(AdoptPrograms.folder) JdkHttpServer PORT",
        passed: "0.0.0.0:PORT", settings: ["SuccessExitStatus=143"], isGraceful: false),
      // The same.
      Server(
        name: "node", command: "/usr/bin/node FILES/adopt/server.js PORT", passed: "0.0.0.0:PORT"),
      Server(name: "python", command: "/usr/bin/python3 FILES/web_app.py --port PORT"),
      // Why one worker, see AdoptPathsTests.
      Server(
        name: "gunicorn",
        command:
          "/usr/bin/gunicorn --workers 1 --bind 127.0.0.1:PORT --chdir FILES/wsgi-app app:app"),
      Server(
        name: "nginx", command: "/usr/sbin/nginx -c ROOM/nginx.conf",
        settings: ["KillSignal=SIGQUIT"],
        prepare: """
          sed 's|__folder__|ROOM|; s|__address__|127.0.0.1:PORT|' FILES/adopt/nginx.conf > ROOM/nginx.conf
          """),
      // It calls shutdown(2) on the listening socket, which is everybody's, and ends connections whose
      // request it has not read yet.
      Server(
        name: "webrick", command: "/usr/bin/ruby FILES/adopt/webrick.rb PORT", isGraceful: false),
      // It leaves listen(2) out where the socket listens already. SIGUSR1 is its soft stop.
      Server(
        name: "haproxy", command: "/usr/sbin/haproxy -f FILES/adopt/haproxy.cfg",
        settings: ["Environment=ADDRESS=127.0.0.1:PORT", "KillSignal=SIGUSR1"]),
      Server(
        name: "redis",
        command: "/usr/bin/redis-server --port PORT --bind 127.0.0.1 --save '' --dir ROOM",
        speaks: "redis", isGraceful: false),
      Server(
        name: "memcached", command: "/usr/bin/memcached -u nobody -l 127.0.0.1 -p PORT",
        speaks: "memcached", isGraceful: false),
    ]

    private static let restarts = 3
    /// The clients of the load, each of which has one request in hand at most.
    private static let clients = 4

    @Test(
      "answers what came before it ran, and is restarted under load without a refusal",
      arguments: servers)
    func restarts(_ server: Server) async throws {
      let sandbox = try await Sandbox.shared
      try await withServer(server, adopting: true, sandbox) { service, address in
        // systemd starts the service when the first of these connects; nothing binds before that.
        let early = try AdoptLoadReport(
          await sandbox.shell(Sandbox.askOnce(server.speaks, address, clients: 8)))
        #expect(early.answered == 8, "\(early)")
        try await service.wait(for: "ActiveState", "active")
        try await expectAdopted(service)

        let report = try await sandbox.underAdoptLoad(server.speaks, address) {
          for _ in 1...Self.restarts {
            let before = try await service.mainPID
            let restarted = try await service.systemctl("restart")
            #expect(restarted.succeeded, "\(restarted)")
            #expect(try await service.mainPID != before)
            try await expectAdopted(service)
          }
        }
        #expect(report.refused == 0, "\(report)")
        #expect(report.failed == 0, "\(report)")
        #expect(report.cut <= (server.isGraceful ? 0 : Self.restarts * Self.clients), "\(report)")
        #expect(report.answered >= 200, "\(report)")
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test("nginx -s reload under load keeps the socket, and its workers are new")
    func reload() async throws {
      let sandbox = try await Sandbox.shared
      let server = try #require(Self.servers.first { $0.name == "nginx" })
      try await withServer(server, adopting: true, sandbox) { service, address in
        try await service.start()
        let report = try await sandbox.underAdoptLoad(server.speaks, address) {
          for _ in 1...3 {
            let old = Set(try await service.childPIDs)
            let reload = try await sandbox.shell(
              "/usr/sbin/nginx -c \(room(service))/nginx.conf -s reload")
            #expect(reload.succeeded, "\(reload)")
            try await eventually("the workers are new") {
              try await service.childPIDs
            } holds: {
              Set($0).intersection(old).count == 1 && $0.count == 3
            }
          }
        }
        #expect(report.answered == report.requests, "\(report)")
        try await expectAdopted(service)
      }
    }

    @Test("a program whose thread waits in accept(2) ends by shutting the socket down")
    func waitingAcceptor() async throws {
      let sandbox = try await Sandbox.shared
      let server = Server(
        name: "acceptor", command: "/usr/bin/python3 FILES/adopt/waiting_acceptor.py PORT",
        settings: ["TimeoutStopSec=10"])
      try await withServer(server, adopting: true, sandbox) { service, address in
        for _ in 1...5 {
          try await service.start()
          try await expectAdopted(service)
          try await service.stop()
          // It ended by itself: accept(2) failed as it expects.
          #expect(try await service.property("Result") == "success")
          // And the socket listens again: this starts the next one.
          let next = try AdoptLoadReport(
            await sandbox.shell(Sandbox.askOnce(server.speaks, address, clients: 2)))
          #expect(next.answered == 2, "\(next)")
        }
      }
    }

    @Test("haproxy, which ends softly, is not told of connections that are no longer its own")
    func softStop() async throws {
      let sandbox = try await Sandbox.shared
      let server = try #require(Self.servers.first { $0.name == "haproxy" })
      try await withServer(server, adopting: true, sandbox) { service, address in
        try await service.start()
        let child = try await service.childPID
        let port = address.split(separator: ":")[1]
        let used = "awk '{ print $14 + $15 }' /proc/\(child)/stat"
        // A request in hand that does not end, a soft stop, and a connection that waits for the next
        // haproxy: the time that this one uses meanwhile, in ticks of 10 ms.
        let ticks = try await sandbox.run([
          "/bin/bash", "-c",
          """
          exec 8<>/dev/tcp/127.0.0.1/\(port); printf 'GET / HTTP/1.1\\r\\n' >&8; sleep 0.5
          systemctl kill --kill-whom=main --signal=USR1 \(service.name); sleep 0.5
          exec 9<>/dev/tcp/127.0.0.1/\(port)
          before=$(\(used)); sleep 2; after=$(\(used)); echo $((after - before))
          """,
        ]).output.trimmed
        let count = try #require(Int(ticks), "\(ticks)")
        // It would be 200 and more.
        #expect(count < 50)
      }
    }

    @Test("the same without vouch's hand does refuse: the load can tell")
    func control() async throws {
      let sandbox = try await Sandbox.shared
      let server = try #require(Self.servers.first { $0.name == "static-go" })
      try await withServer(server, adopting: false, sandbox) { service, address in
        try await service.start()
        let report = try await sandbox.underAdoptLoad(server.speaks, address) {
          for _ in 1...Self.restarts { try await service.systemctl("restart") }
        }
        #expect(report.refused > 0, "\(report)")
      }
    }

    // MARK: - The services

    private func room(_ service: Service) -> String {
      Places.Inside.scratch + "/" + service.name.replacing(".service", with: "")
    }

    /// A service of this server, with its .socket unit listening where it is to be adopted.
    private func withServer(
      _ server: Server, adopting: Bool, _ sandbox: Sandbox,
      _ body: (Service, _ address: String) async throws -> Void
    ) async throws {
      try await AdoptPrograms.build(in: sandbox)
      let port = Service.freshPort()
      let name = "adopt-\(server.name)-\(port)"
      let address = "127.0.0.1:\(port)"
      let folder = Places.Inside.scratch + "/" + name
      func filled(_ text: String) -> String {
        text.replacing("PORT", with: String(port)).replacing("ROOM", with: folder)
          .replacing("FILES", with: Places.Inside.fixtures)
      }
      let prepared = try await sandbox.shell(
        "mkdir -m 1777 \(folder) && " + filled(server.prepare))
      try #require(prepared.succeeded, "\(prepared)")
      let check =
        server.speaks == "http"
        ? "--http :\(port)/" : "--exec '\(Sandbox.askOnce(server.speaks, address))'"
      let text = serviceText(
        vouch: (adopting ? "--pass adopt " : "") + check, child: filled(server.command),
        filled(server.settings.joined(separator: "\n")))
      try await sandbox.withService(name, text) { service in
        guard adopting else { return try await body(service, address) }
        try await sandbox.install(
          name + ".socket", "[Socket]\nListenStream=\(filled(server.passed))\n")
        let started = try await sandbox.run(["systemctl", "start", name + ".socket"])
        try #require(started.succeeded, "\(started)")
        do {
          try await body(service, address)
        } catch {
          Issue.record("\(error)\n\(try await service.journal())")
        }
        try await sandbox.shell(
          "systemctl stop \(name).socket \(name).service; rm /run/systemd/system/\(name).socket")
      }
    }

    /// Some process behind vouch has the very socket that systemd opened.
    private func expectAdopted(
      _ service: Service, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let opened = try await sockets(of: [1], service.sandbox)
      let children = try await service.childPIDs
      let held = try await sockets(of: children, service.sandbox)
      if opened.isDisjoint(with: held) {
        Issue.record(
          "no process has systemd's socket: \(children)\n\(try await service.journal())",
          sourceLocation: sourceLocation)
      }
    }

    /// The inodes of the sockets that these processes have open.
    private func sockets(of processes: [Int], _ sandbox: Sandbox) async throws -> Set<String> {
      let folders = processes.map { "/proc/\($0)/fd" }.joined(separator: " ")
      let listing = try await sandbox.shell("find \(folders) -lname 'socket:*' -printf '%l\\n'")
      return Set(listing.output.split(separator: "\n").map(String.init))
    }
  }
}
