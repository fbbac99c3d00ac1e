import Foundation
import Testing

extension UnderSystemd {
  @Suite("sockets for programs that bind for themselves") struct Adopt {
    private static let python = "/usr/bin/python3 -m http.server"

    /// A .socket unit of these lines, and a service of it, both gone when the body is over.
    private func withSocket(
      _ name: String, _ socket: String, vouch: String = "--pass adopt --http /", child: String,
      settings: [String] = [], _ body: (Sandbox, Service) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.install(
        "\(name).socket", "[Socket]\nFileDescriptorName=web\n\(socket)\n")
      let text = serviceText(
        vouch: vouch, child: child, settings.joined(separator: "\n"))
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

    /// nginx with three workers, on ports of its own configuration.
    private func nginx(_ sandbox: Sandbox, _ name: String, _ listen: String...) async throws
      -> String
    {
      let folder = Service.freshFile(name)
      let servers = listen.map { "server { listen \($0); location / { return 200 hello; } }" }
      let result = try await sandbox.run([
        "/bin/sh", "-c", "mkdir -m 755 \"$1\" && printf '%s' \"$2\" > \"$1/nginx.conf\"", "sh",
        folder,
        """
        daemon off; worker_processes 3; pid \(folder)/pid; error_log stderr notice;
        events {}
        http { access_log off; \(servers.joined(separator: "\n")) }
        """,
      ])
      try #require(result.succeeded, "\(result)")
      return "/usr/sbin/nginx -c \(folder)/nginx.conf"
    }

    @Test(
      "python's own http.server answers on the passed socket, what came before its start included")
    func pythonServer() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "adopt-python", "ListenStream=0.0.0.0:\(port)", child: "\(Self.python) \(port)"
      ) { sandbox, service in
        // The connection is what starts the service, and waits in the queue meanwhile.
        let answer = try await sandbox.run([
          "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)/",
        ])
        #expect(answer.output == "200", "\(answer)")
        try await service.wait(for: "ActiveState", "active")
        for _ in 1...2 {
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
        }
        try await eventually("three starts are told") {
          try await service.journal()
        } holds: {
          let told = "bound 0.0.0.0:\(port): it has the passed socket web"
          return $0.components(separatedBy: told).count == 4
        }
        let journal = try await service.journal()
        #expect(!journal.contains("which is not this service's"), "\(journal)")
        #expect(try await service.property("StatusText").hasPrefix("ready; http /: 200"))
      }
    }

    @Test(
      "nginx with workers is reloaded and restarted under load, and no request fails",
      .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
    func nginxUnderLoad() async throws {
      let port = Service.freshPort()
      let child = try await nginx(
        Sandbox.shared, "adopt-nginx", "\(port)", "unix:/run/adopt-nginx-own.sock")
      try await withSocket(
        "adopt-nginx", "ListenStream=0.0.0.0:\(port)\nBacklog=300",
        vouch: "--pass adopt --http / --stop-signal SIGQUIT", child: child,
        settings: ["ExecReload=/bin/kill -HUP $MAINPID"]
      ) { sandbox, service in
        try await service.start()
        let report = try await sandbox.underLoad(port: port) {
          for _ in 1...3 {
            let reloaded = try await service.systemctl("reload")
            #expect(reloaded.succeeded, "\(reloaded)")
            let restarted = try await service.systemctl("restart")
            #expect(restarted.succeeded, "\(restarted)")
          }
        }
        #expect(report.failures == 0, "\(report)")
        #expect(report.requests >= 50, "\(report)")
        // nginx asked for 511, and the unit for 300: the queue is the longer of the two.
        let queue = try await sandbox.run(["ss", "-Hltn", "sport = :\(port)"])
        #expect(queue.output.contains(" 511 "), "\(queue)")
      }
    }

    @Test(
      "the same without adoption does fail requests: the load can tell",
      .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
    func nginxOnItsOwn() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let child = try await nginx(sandbox, "no-adopt-nginx", "\(port)")
      let text = serviceText(vouch: "--http :\(port)/ --stop-signal SIGQUIT", child: child)
      try await sandbox.withService("no-adopt-nginx", text) { service in
        try await service.start()
        let report = try await sandbox.underLoad(port: port) {
          for _ in 1...3 { try await service.systemctl("restart") }
        }
        #expect(report.failures > 0, "\(report)")
      }
    }

    @Test(
      "it works without privileges, under these restrictions",
      arguments: [
        ("user", "User=nobody", true),
        ("nnp", "User=nobody\nNoNewPrivileges=yes", false),
        ("dynamic", "DynamicUser=yes\nCapabilityBoundingSet=", false),
        ("root", "NoNewPrivileges=yes\nCapabilityBoundingSet=", false),
        (
          "strict",
          "User=nobody\nNoNewPrivileges=yes\nProtectSystem=strict\nProtectProc=invisible\n"
            + "PrivateTmp=yes\nPrivateDevices=yes\nRestrictNamespaces=yes\nSocketBindDeny=any\n"
            + "MemoryDenyWriteExecute=yes\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
          false
        ),
        ("filter", "User=nobody\nSystemCallFilter=@system-service seccomp pidfd_getfd", false),
      ])
    func restrictions(name: String, settings: String, saysNoNewPrivileges: Bool) async throws {
      // Below 1024: the socket is systemd's, and so the program needs no right to it.
      let port = 900 + (Service.freshPort() % 100)
      try await withSocket(
        "adopt-as-\(name)", "ListenStream=0.0.0.0:\(port)", child: "\(Self.python) \(port)",
        settings: [settings]
      ) { sandbox, service in
        try await service.start()
        try await eventually("it is told") {
          try await service.journal()
        } holds: {
          $0.contains("it has the passed socket web") && $0.contains("ready after")
        }
        let journal = try await service.journal()
        // Whether SystemCallFilter= sets it already depends on systemd's version.
        if name != "filter" {
          #expect(journal.contains("sets no_new_privs") == saysNoNewPrivileges, "\(journal)")
        }
        let restarted = try await service.systemctl("restart")
        #expect(restarted.succeeded, "\(restarted)")
      }
    }

    @Test(
      "where it is forbidden, one line says so, and what to do, before the child starts",
      arguments: [
        (
          "calls", "SystemCallFilter=@system-service",
          "SystemCallFilter=@system-service seccomp pidfd_getfd"
        ),
        (
          "calls-errno", "SystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM",
          "SystemCallFilter=@system-service seccomp pidfd_getfd"
        ),
        (
          "getfd-errno",
          "SystemCallFilter=@system-service seccomp\nSystemCallErrorNumber=EPERM",
          "SystemCallFilter=@system-service seccomp pidfd_getfd"
        ),
        (
          "getfd", "SystemCallFilter=@system-service seccomp",
          "SystemCallFilter=@system-service seccomp pidfd_getfd"
        ),
        ("families", "RestrictAddressFamilies=AF_UNIX", "RestrictAddressFamilies="),
      ])
    func forbidden(name: String, settings: String, remedy: String) async throws {
      let port = Service.freshPort()
      try await withSocket(
        "adopt-not-\(name)", "ListenStream=0.0.0.0:\(port)", child: "\(Self.python) \(port)",
        settings: [settings]
      ) { sandbox, service in
        try await service.expectStartFails()
        let journal = try await service.journal()
        #expect(try await service.property("ExecMainStatus") == "70", "\(journal)")
        #expect(journal.contains("--pass adopt: "), "\(journal)")
        #expect(journal.contains(remedy), "\(journal)")
        #expect(!journal.contains("started /usr/bin/python3"), "\(journal)")
      }
    }

    @Test("with too few descriptors for the self-test, it is that which is said, and at once")
    func tooFewDescriptors() async throws {
      let sandbox = try await Sandbox.shared
      for limit in 5...11 {
        let result = try await sandbox.run([
          "prlimit", "--nofile=\(limit)", Places.Inside.vouch, "--listen",
          "127.0.0.1:\(Service.freshPort())", "--pass", "adopt", "--no-check", "--", "/bin/true",
        ])
        #expect(result.status == 70, "\(limit): \(result)")
        #expect(result.errors.contains("--pass adopt: "), "\(limit): \(result)")
        #expect(result.errors.contains("Too many open files"), "\(limit): \(result)")
      }
    }

    @Test("a vouch inside of a vouch cannot adopt as well, and says so")
    func nested() async throws {
      let port = Service.freshPort()
      let inner =
        "import os, socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        + "os.dup2(s.fileno(), 9); os.dup2(9, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
        + "os.execv('\(Places.Inside.vouch)', 'vouch --pass adopt --no-check -- sleep 60'.split())"
      try await withSocket(
        "adopt-nested", "ListenStream=0.0.0.0:\(port)", vouch: "--pass adopt --no-check",
        child: "/usr/bin/python3 -c \"\(inner)\""
      ) { sandbox, service in
        try await service.beginStart()
        try await eventually("the inner one refuses") {
          try await service.journal()
        } holds: {
          $0.contains("another supervisor answers for this program's system calls already")
        }
      }
    }

    @Test("a passed socket that the program never binds is told")
    func neverBound() async throws {
      let port = Service.freshPort()
      let other = Service.freshPort()
      try await withSocket(
        "adopt-never", "ListenStream=0.0.0.0:\(port)\nListenStream=0.0.0.0:\(other)",
        child: "\(Self.python) \(port)"
      ) { sandbox, service in
        try await service.start()
        try await eventually("the other socket is told") {
          try await service.journal()
        } holds: {
          $0.contains("has not bound the passed socket web (0.0.0.0:\(other))")
        }
      }
    }

    @Test("a bind that only a socket for both families is passed for is refused with advice")
    func wrongFamily() async throws {
      let port = Service.freshPort()
      try await withSocket(
        "adopt-family", "ListenStream=\(port)", vouch: "--pass adopt --no-check",
        child: "\(Self.python) \(port) --bind 0.0.0.0"
      ) { sandbox, service in
        try await service.beginStart()
        try await eventually("the advice is in the log") {
          try await service.journal()
        } holds: {
          $0.contains("cannot bind 0.0.0.0:\(port)") && $0.contains("ListenStream=0.0.0.0:\(port)")
        }
      }
    }

    @Test("a process that hides itself is let go, and what that means is told")
    func hidden() async throws {
      let port = Service.freshPort()
      let program =
        "import ctypes, socket, time; ctypes.CDLL(None).prctl(4, 0);"
        + "socket.socket().bind(('0.0.0.0', \(port)))"
      try await withSocket(
        "adopt-hidden", "ListenStream=0.0.0.0:\(port)", vouch: "--pass adopt --no-check",
        child: "/usr/bin/python3 -c \"\(program)\"", settings: ["User=nobody"]
      ) { sandbox, service in
        try await service.beginStart()
        try await eventually("it is told") {
          try await service.journal()
        } holds: {
          $0.contains("may have wanted a passed socket") && $0.contains("CAP_SYS_PTRACE")
            // What the kernel says to the program.
            && $0.contains("Address already in use")
        }
      }
    }

    @Test("while vouch has no descriptor left, a bind waits, and then gets its socket")
    func ownShortage() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let go = Service.freshFile("go")
      let program = Service.freshFile("program")
      try await sandbox.shell(
        """
        cat > \(program) <<'END'
        import os, socket, time
        while not os.path.exists('\(go)'): time.sleep(0.01)
        s = socket.socket(); s.bind(('0.0.0.0', \(port))); s.listen(); print('is bound', flush=True)
        time.sleep(600)
        END
        """)
      try await withSocket(
        "adopt-shortage", "ListenStream=0.0.0.0:\(port)", vouch: "--pass adopt --no-check",
        child: "/usr/bin/python3 \(program)"
      ) { sandbox, service in
        try await service.start()
        let main = try await service.mainPID
        // Below what is open already: no number is left.
        let limited = try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=3:20000"])
        try #require(limited.succeeded, "\(limited)")
        try await sandbox.run(["touch", go])
        try await eventually("the wait is told") {
          try await service.journal()
        } holds: {
          $0.contains("waits until vouch can look at it")
        }
        #expect(try await !service.journal().contains("is bound"))
        try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=20000:20000"])
        try await eventually("it gets the socket") {
          try await service.journal()
        } holds: {
          $0.contains("it has the passed socket web") && $0.contains("is bound")
        }
      }
    }

    @Test("a child that vouch itself restarts adopts again, each time under a filter of its own")
    func restartedByVouch() async throws {
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      try await withSocket(
        "adopt-heal", "ListenStream=127.0.0.1:\(port)",
        vouch: "--pass adopt --http '/ interval=200ms timeout=200ms fall=2' --on-unhealthy restart",
        child: Fixture.switchServer(port: port, control: control)
      ) { sandbox, service in
        func count(_ text: String, is wanted: Int) async throws {
          try await eventually("\(text): \(wanted)") {
            try await service.journal()
          } holds: {
            $0.components(separatedBy: text).count - 1 == wanted
          }
        }
        try await service.start()
        for restart in 1...3 {
          try await sandbox.shell("echo 500 > \(control)")
          try await count("restarting the child", is: restart)
          try await sandbox.shell("rm -f \(control)")
          try await count("it has the passed socket web", is: restart + 1)
          try await count("healthy again", is: restart)
        }
        // Each filter's thread ends with its processes.
        try await eventually("one supervisor is left") {
          try await sandbox.shell("ls /proc/\(service.mainPID)/task | wc -l").output.trimmed
        } holds: {
          $0 == "2"
        }
      }
    }

    @Test(
      "a socket of --listen is adopted as one of systemd's is, and kept in the descriptor store")
    func ownSocket() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--listen web=0.0.0.0:\(port) --pass adopt --http @web/",
        child: "\(Self.python) \(port)", "FileDescriptorStoreMax=4")
      try await sandbox.withService("adopt-listen", text) { service in
        try await service.start()
        for _ in 1...2 {
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
        }
        try await eventually("three starts are told") {
          try await service.journal()
        } holds: {
          $0.components(separatedBy: "it has the passed socket web").count == 4
        }
      }
    }

    @Test("a program that has closed its adopted socket fails its checks with that reason")
    func closed() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let go = Service.freshFile("go")
      let program = Service.freshFile("program")
      try await sandbox.shell(
        """
        cat > \(program) <<'END'
        import http.server, os, threading, time
        server = http.server.HTTPServer(('127.0.0.1', \(port)), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever).start()
        while not os.path.exists('\(go)'): time.sleep(0.01)
        server.shutdown(); server.server_close(); time.sleep(600)
        END
        """)
      try await withSocket(
        "adopt-closed", "ListenStream=127.0.0.1:\(port)",
        vouch: "--pass adopt --http '/ interval=200ms'", child: "/usr/bin/python3 \(program)"
      ) { sandbox, service in
        try await service.start()
        try await sandbox.run(["touch", go])
        try await service.wait(for: "StatusText", "says why") {
          $0.contains("no process of this service has the socket open")
        }
      }
    }

    @Test("without a socket it is refused before the start")
    func noSocket() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(vouch: "--pass adopt --no-check", child: "sleep 60")
      try await sandbox.withService("adopt-nothing", text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        try await service.logged("--listen")
      }
    }
  }
}
