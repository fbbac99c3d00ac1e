import Testing

extension UnderSystemd {
  /// A program whose server has left its parents, has a session of its own, and was started with an empty
  /// environment: nothing but its age tells which generation it is of.
  @Suite("--on-reload replace, with servers that tell nothing of where they come from")
  struct ReplaceOrphans {
    private struct App {
      let service: Service
      let arguments: String
      let port: Int

      /// How the next generation's server is started (Tests/fixtures/generation_server.py).
      func next(_ text: String) async throws {
        try await service.sandbox.shell("echo '\(text)' > \(arguments)")
      }

      func reload() async throws -> CommandResult { try await service.systemctl("reload") }

      /// The status of each of many answers.
      func answers() async throws -> Set<String> {
        let result = try await service.sandbox.shell(
          """
          for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
            curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:\(port)/
          done
          """)
        return Set(result.output.split(separator: "\n").map(String.init))
      }
    }

    private func with(
      _ name: String, first: String, vouch: String = "", _ body: (App) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let file = Service.freshFile("orphans")
      let server = "/usr/bin/python3 \(Places.Inside.fixtures)/generation_server.py"
      try await sandbox.shell(
        """
        echo '\(first)' > \(file)
        printf '#!/bin/sh\\nexec \(server) $(cat \(file))\\n' > \(file).sh; chmod 755 \(file).sh
        """)
      let text = serviceText(
        vouch: "--http \"/ status=any\" --interval 500ms --start-timeout 3s --stop-timeout 2s "
          + "--on-reload replace --listen 127.0.0.1:\(port) \(vouch)",
        child: "\(file).sh", "ExecReload=\(Places.Inside.vouch) reload", "Restart=no",
        "WatchdogSec=20")
      try await sandbox.withService(name, text) { service in
        try await service.start()
        try await body(App(service: service, arguments: file, port: port))
      }
    }

    @Test("the one that was replaced leaves none behind, since it is older than the new one")
    func replaced() async throws {
      try await with("orphan-old", first: "200 --orphan --scrub") { app in
        try await app.next("204")
        #expect(try await app.reload().succeeded)
        try await eventually("generation 2 alone answers") {
          try await app.answers()
        } holds: {
          $0 == ["204"]
        }
      }
    }

    @Test("the one that was given up leaves none behind that would answer beside the old one")
    func givenUp() async throws {
      try await with("orphan-new", first: "200") { app in
        try await app.next("204 --orphan --scrub")
        #expect(try await !app.reload().succeeded, "whose answers they are cannot be told")
        try await eventually("generation 1 alone answers") {
          try await app.answers()
        } holds: {
          $0 == ["200"]
        }
        try await app.service.logged("of the time of generation 2")
        #expect(try await app.service.property("ActiveState") == "active")
      }
    }

    @Test("what has none of the service's sockets is left alone at a rollback")
    func spared() async throws {
      try await with("orphan-spared", first: "200") { app in
        let sandbox = app.service.sandbox
        let file = Service.freshFile("job")
        // Of neither generation, as far as can be seen: it may be a job of the old one's.
        try await sandbox.shell(
          """
          printf '#!/bin/sh\\n(exec 3<&-; env -i setsid sleep 50 & echo $! > \(file))\\nsleep 1; exit 1\\n' \
            > \(app.arguments).sh
          """)
        #expect(try await !app.reload().succeeded)
        let job = try await sandbox.run(["cat", file]).output.trimmed
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await sandbox.run(["test", "-d", "/proc/\(job)"]).succeeded)
        try await app.service.stop()
        #expect(try await !sandbox.run(["test", "-d", "/proc/\(job)"]).succeeded)
      }
    }

    @Test("while a new one is judged, the old one's answers still count for the old one")
    func judging() async throws {
      try await with(
        "orphan-watchdog", first: "200 --orphan --scrub", vouch: "--start-timeout 5s"
      ) { app in
        try await app.next("204 --style deaf")
        try await app.service.systemctl("reload", "--no-block")
        try await app.service.wait(for: "StatusText", "is judged") { $0.hasPrefix("reloading:") }
        try await Task.sleep(for: .seconds(2))
        let status = try await app.service.property("StatusText")
        #expect(status.hasPrefix("reloading:"), "\(status)")
        #expect(status.contains("; ready; http /: 200"), "\(status)")
      }
    }
  }
}
