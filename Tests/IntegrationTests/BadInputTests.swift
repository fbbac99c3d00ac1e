import Testing

extension UnderSystemd {
  @Suite("bad input") struct BadInput {
    @Test(
      "one clear line, exit status 64, nothing started",
      arguments: [
        ["--", "touch"],
        ["--no-check", "--"],
        ["--no-check"],
        ["--nonsense", "--no-check", "--", "touch"],
        ["--http", ":80/ statsu=200", "--", "touch"],
        ["--http", ":80/ interval=5parsecs", "--", "touch"],
        ["--http", ":80/ status=999", "--", "touch"],
        ["--http", ":99999/", "--", "touch"],
        ["--http", "/path", "--", "touch"],
        ["--http", "@web/path", "--", "touch"],
        ["--http", ":80/ name=a", "--tcp", ":80 name=a", "--", "touch"],
        ["--tcp", "", "--", "touch"],
        ["--exec", "", "--", "touch"],
        ["--no-check", "--interval", "soon", "--", "touch"],
        ["--no-check", "--fall", "0", "--", "touch"],
        ["--no-check", "--stop-signal", "SIGNONSENSE", "--", "touch"],
        ["--no-check", "--on-unhealthy", "pray", "--", "touch"],
        ["--no-check", "--listen", "localhost:80", "--", "touch"],
        ["--no-check", "--listen", "80 mdoe=1", "--", "touch"],
        ["--no-check", "--listen", "'80", "--", "touch"],
        ["--no-check", "--listen", "a=80", "--listen", "[::]:80", "--", "touch"],
        ["--listen", "80", "--http", "@web/", "--", "touch"],
        ["--no-check", "--drain", "5s", "--", "touch"],
        ["--no-check", "--on-reload", "replac", "--", "touch"],
        ["--no-check", "--on-reload", "replace", "--", "touch"],
        ["--no-check", "--exit-idle", "0", "--", "touch"],
        ["--no-check", "--env-file", "-", "--", "touch"],
      ])
    func usage(arguments: [String]) async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("started")
      let touch = arguments.last == "touch" ? [file] : []
      let result = try await sandbox.run([Places.Inside.vouch] + arguments + touch, seconds: 20)
      #expect(result.status == 64, "\(result)")
      #expect(result.output == "")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
      #expect(try await !sandbox.run(["test", "-e", file]).succeeded)
    }

    @Test("a check that cannot fit the watchdog is refused with the arithmetic")
    func doesNotFit() async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--http \":80/ interval=3s timeout=2s\"", child: "/bin/sleep infinity",
        "WatchdogSec=4")
      try await sandbox.withService("does-not-fit", text) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        let journal = try await service.journal()
        for figure in ["3s", "2s", "5s", "4s"] {
          #expect(journal.replacing(" s", with: "s").contains(figure))
        }
      }
    }

    @Test(
      "malformed LISTEN_* are refused, sockets meant for another process are not",
      arguments: [
        ("LISTEN_FDS=many LISTEN_PID=$$", false), ("LISTEN_FDS=-1 LISTEN_PID=$$", false),
        ("LISTEN_FDS=1 LISTEN_PID=me", false), ("LISTEN_FDS=1 LISTEN_PID=1", true),
      ])
    func listenVariables(assignments: String, isFine: Bool) async throws {
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.shell(
        "exec env \(assignments) \(Places.Inside.vouch) --no-check -- sh -c 'echo ran with $LISTEN_FDS'",
        seconds: 20)
      if isFine {
        #expect(result.status == 0, "\(result)")
        #expect(result.output == "ran with\n")
      } else {
        #expect(result.status == 64, "\(result)")
        #expect(result.output == "")
        #expect(result.errors.contains("LISTEN_"))
      }
    }
  }
}
