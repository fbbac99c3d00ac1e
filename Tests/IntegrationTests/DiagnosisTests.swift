import Testing

extension UnderSystemd {
  /// Real programs that leave the socket alone that systemd passes them.
  @Suite("a diagnosis instead of a mystery") struct Diagnosis {
    /// A .socket unit of these lines, and a service of it, both gone when the body is over.
    private func withSocket(
      _ name: String, _ listen: String, vouch: String = "--http /", child: String,
      settings: String = "", _ body: (Sandbox, Service) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.install("\(name).socket", "[Socket]\n\(listen)\n")
      let text = serviceText(vouch: vouch, child: child, settings)
      try await sandbox.withService(name, text) { service in
        let started = try await sandbox.run(["systemctl", "start", "\(name).socket"])
        try #require(started.succeeded, "\(started)")
        do {
          try await body(sandbox, service)
        } catch {
          _ = try? await sandbox.run(["systemctl", "stop", "\(name).socket"])
          throw error
        }
        try await sandbox.run(["systemctl", "stop", "\(name).socket"])
      }
    }

    private static func leave(_ words: String) -> String {
      "/usr/bin/python3 \(Places.Inside.fixtures)/leave_socket.py \(words)"
    }

    // MARK: - It binds for itself

    @Test("a program that finds its address in use is given --pass adopt")
    func inUse() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "diagnose-in-use", "ListenStream=0.0.0.0:\(port)",
        child: "/usr/bin/python3 -m http.server \(port)"
      ) { _, service in
        try await service.expectStartFails()
        let journal = try await service.journal()
        #expect(journal.contains("Address already in use"), "\(journal)")
        #expect(
          journal.contains(
            "not ready: python3 never took the passed socket 0.0.0.0:\(port); if it says that the address "
              + "is in use, it wants to bind that address by itself: --pass adopt gives it the passed socket"
          ), "\(journal)")
      }
    }

    @Test("it is the last STATUS of such a program, and --listen makes no difference")
    func lastStatus() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--listen 127.0.0.1:\(port) --http /",
        child: "/usr/bin/redis-server --port \(port) --bind 127.0.0.1")
      try await sandbox.withService("diagnose-last", text) { service in
        try await service.expectStartFails()
        #expect(
          try await service.property("StatusText")
            == "the child exited with status 1 before it was ready: redis-server never took the passed "
            + "socket 127.0.0.1:\(port); if it says that the address is in use, it wants to bind that "
            + "address by itself: --pass adopt gives it the passed socket")
      }
    }

    @Test("a program that fails for another reason and reads LISTEN_FDS is given no advice")
    func otherFailure() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--listen 127.0.0.1:\(Service.freshPort()) --http /",
        child: "/usr/bin/gunicorn no_such_module:app")
      try await sandbox.withService("diagnose-broken", text) { service in
        try await service.expectStartFails()
        let journal = try await service.journal()
        #expect(journal.contains("the child exited with status 3"), "\(journal)")
        #expect(!journal.contains("not ready:"), "\(journal)")
      }
    }

    // MARK: - It listens elsewhere

    /// A row: a program, and what is said of it. PASSED and OWN are ports; FILE is `file`'s.
    struct Row: Sendable, CustomTestStringConvertible {
      var name: String
      var listen = "127.0.0.1:PASSED"
      var vouch = "--http /"
      var child: String
      var file = ""
      var says: String
      var testDescription: String { name }
    }

    private static let nginx = """
      daemon off; pid /run/diagnose-nginx.pid; error_log stderr; events {}
      http { access_log off; server { listen 127.0.0.1:OWN; } }
      """
    private static let haproxy = """
      defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
      frontend f
        bind 127.0.0.1:OWN
        http-request return status 200

      """
    private static let asgi = """
      async def app(scope, receive, send):
          await send({"type": "http.response.start", "status": 200, "headers": []})
          await send({"type": "http.response.body", "body": b""})

      """
    private static let adopt =
      "--pass adopt, with ListenStream=127.0.0.1:OWN or the program told to bind 127.0.0.1:PASSED, gives "
      + "it the socket"

    static let rows: [Row] = [
      Row(
        name: "redis", vouch: "--tcp @web",
        child: "/usr/bin/redis-server --port OWN --bind 127.0.0.1",
        says: "redis-server listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: \(adopt)"),
      Row(
        name: "node", listen: "127.0.0.1:OWN",
        child: "/usr/bin/node -e \"require('http').createServer().listen(OWN, '::1')\"",
        says: "node listens on [::1]:OWN, not on the passed 127.0.0.1:OWN: --pass adopt, with "
          + "ListenStream=[::1]:OWN or the program told to bind 127.0.0.1:OWN, gives it the socket"),
      Row(
        name: "some program", child: leave("listen OWN"),
        says:
          "python3 listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: if that is where it "
          + "serves, \(adopt)"),
      Row(
        name: "nginx", child: "/usr/sbin/nginx -c FILE", file: nginx,
        says:
          "nginx listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: nginx takes it with "
          + "--pass nginx, where a listen directive has that very address"),
      Row(
        name: "nginx whose configuration has another address", vouch: "--pass nginx --http /",
        child: "/usr/sbin/nginx -c FILE", file: nginx,
        says:
          "nginx listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: its configuration must "
          + "name that very address to listen on"),
      Row(
        name: "haproxy", child: "/usr/sbin/haproxy -W -f FILE", file: haproxy,
        says:
          "haproxy listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: haproxy takes it with "
          + "--pass 'env:FD={fd}' and \"bind fd@${FD}\""),
      Row(
        name: "uvicorn",
        child: "/usr/bin/uvicorn --app-dir \(Places.Inside.scratch) --port OWN MODULE:app",
        file: asgi,
        says:
          "uvicorn listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: uvicorn takes it with "
          + "--pass argv and the arguments --fd {fd}"),
      Row(
        name: "gunicorn, told of a number alone", vouch: "--pass env:X={fd} --http /",
        child: "/usr/bin/gunicorn --chdir \(Places.Inside.scratch) --bind 127.0.0.1:OWN MODULE:app",
        file: asgi,
        says:
          "gunicorn listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: gunicorn takes it with "
          + "--pass systemd"),
      Row(
        name: "a Unix socket", listen: "/run/diagnose-PASSED.sock",
        child: "/usr/bin/redis-server --port 0 --unixsocket /run/diagnose-OWN.sock",
        says:
          "redis-server listens on /run/diagnose-OWN.sock, not on the passed /run/diagnose-PASSED.sock: "
          + "--pass adopt, with ListenStream=/run/diagnose-OWN.sock or the program told to bind "
          + "/run/diagnose-PASSED.sock, gives it the socket"),
      Row(
        name: "a socket that was closed", child: leave("close"),
        says:
          "python3 has closed the passed socket 127.0.0.1:PASSED: if it binds an address by itself, "
          + "--pass adopt, with the program told to bind 127.0.0.1:PASSED, gives it the socket"),
      Row(
        name: "adopt, and another port", vouch: "--pass adopt --http /",
        child: "/usr/bin/python3 -m http.server --bind 127.0.0.1 OWN",
        says:
          "python3 listens on 127.0.0.1:OWN, not on the passed 127.0.0.1:PASSED: pass it that address "
          + "(ListenStream=127.0.0.1:OWN), or have the program told to bind 127.0.0.1:PASSED"),
      Row(
        name: "none", vouch: "--pass none --http /", child: leave("listen OWN"),
        says:
          "--pass none keeps the passed socket 127.0.0.1:PASSED from the program, and nobody accepts "
          + "from it"),
    ]

    @Test(
      "STATUS says it behind the reason, and the log once: where the program listens, and what gives it the socket",
      arguments: rows.indices)
    func elsewhere(index: Int) async throws {
      let row = Self.rows[index]
      let passed = Service.freshPort()
      let own = Service.freshPort()
      var file = ""
      func filled(_ text: String) -> String {
        [
          ("PASSED", String(passed)), ("OWN", String(own)), ("FILE", file),
          ("MODULE", String(file.split(separator: "/").last?.dropLast(3) ?? "")),
        ].reduce(text) { text, pair in
          text.split(separator: pair.0, omittingEmptySubsequences: false).joined(separator: pair.1)
        }
      }
      if !row.file.isEmpty {
        // A module's name has no hyphen, and its file's ends in .py.
        file = "\(Places.Inside.scratch)/diagnose_\(own).py"
        let result = try await Sandbox.shared.run([
          "/bin/sh", "-c", "printf '%s' \"$2\" > \"$1\"", "sh", file, filled(row.file),
        ])
        try #require(result.succeeded, "\(result)")
      }
      let name = "diagnose-\(index)"
      try await withSocket(
        name, "FileDescriptorName=web\nListenStream=\(filled(row.listen))",
        vouch: "--start-timeout 40s " + row.vouch, child: filled(row.child)
      ) { _, service in
        try await service.beginStart()
        let says = filled(row.says)
        try await service.wait(for: "StatusText", "says what is wrong") {
          $0.hasSuffix(": \(says)")
        }
        if index == 0 {
          // It is looked again after 5 s.
          try await Task.sleep(for: .milliseconds(3200))
          #expect(try await service.property("StatusText").hasSuffix(": \(says)"))
        }
        let journal = try await service.journal()
        let told = journal.split(separator: "\n").filter { $0.contains("not ready:") }
        #expect(told.count == 1 && told[0].hasSuffix("not ready: \(says)"), "\(journal)")
      }
    }

    @Test("an ordinary user's vouch sees as much of its program")
    func unprivileged() async throws {
      let port = Service.freshPort()
      let own = Service.freshPort()
      try await withSocket(
        "diagnose-user", "ListenStream=127.0.0.1:\(port)",
        child: "/usr/bin/python3 -m http.server --bind 127.0.0.1 \(own)",
        settings: "DynamicUser=yes\nNoNewPrivileges=yes"
      ) { _, service in
        try await service.beginStart()
        try await service.wait(for: "StatusText", "says what is wrong") {
          $0.contains(
            ": python3 listens on 127.0.0.1:\(own), not on the passed 127.0.0.1:\(port): ")
        }
      }
    }

    @Test("where the kernel does not let vouch see, it says nothing of it")
    func blind() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "diagnose-blind", "ListenStream=127.0.0.1:\(port)",
        child: Self.leave("listen \(Service.freshPort())"),
        settings: "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
      ) { _, service in
        try await service.beginStart()
        try await Task.sleep(for: .seconds(3))
        #expect(
          try await service.property("StatusText") == "starting; http /: waiting for an answer")
      }
    }

    // MARK: - Nothing is wrong

    @Test("a slow starter is not advised, and nothing is left of it once it is ready")
    func slow() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "diagnose-slow", "ListenStream=127.0.0.1:\(port)", child: Self.leave("slow 6")
      ) { _, service in
        try await service.beginStart()
        try await service.wait(for: "StatusText", "says that it has the socket") {
          $0.hasSuffix(
            ": python3 has the passed socket 127.0.0.1:\(port) open and accepts nothing from it yet"
          )
        }
        try await service.wait(for: "ActiveState", "active")
        #expect(try await service.property("StatusText").hasPrefix("ready; http /: 200 in "))
        #expect(!(try await service.journal()).contains("not ready:"))
      }
    }

    @Test("gunicorn takes the passed socket whatever its --bind says")
    func gunicorn() async throws {
      let port = Service.freshPort()
      let module = "\(Places.Inside.scratch)/diagnose_gunicorn.py"
      let written = try await Sandbox.shared.run([
        "/bin/sh", "-c", "printf '%s' \"$2\" > \"$1\"", "sh", module,
        "def app(environ, start):\n    start('200 OK', [])\n    return [b'']\n",
      ])
      try #require(written.succeeded, "\(written)")
      try await withSocket(
        "diagnose-gunicorn", "ListenStream=127.0.0.1:\(port)",
        child:
          "/usr/bin/gunicorn --chdir \(Places.Inside.scratch) --bind 127.0.0.1:\(Service.freshPort()) diagnose_gunicorn:app"
      ) { _, service in
        try await service.start()
        #expect(!(try await service.journal()).contains("not ready:"))
      }
    }

    @Test("a program that was ready and hangs is a hanging one, not one that never took its socket")
    func hung() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "diagnose-hung", "ListenStream=127.0.0.1:\(port)",
        vouch: "--http \"/ interval=500ms timeout=300ms\"", child: Self.leave("slow 0"),
        settings: "WatchdogSec=60"
      ) { sandbox, service in
        try await service.start()
        try await sandbox.run(["kill", "-STOP", String(service.childPID)])
        try await service.wait(for: "StatusText", "says that it fails", within: 20) {
          $0.contains("failing 3/3")
        }
        try await Task.sleep(for: .seconds(3))
        let status = try await service.property("StatusText")
        #expect(!status.contains("passed socket"), "\(status)")
        #expect(!(try await service.journal()).contains("not ready:"))
      }
    }
  }
}
