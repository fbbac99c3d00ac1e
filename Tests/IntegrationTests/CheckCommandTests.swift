import Foundation
import Testing

extension UnderSystemd {
  @Suite("vouch check") struct CheckCommand {
    private static let vouch = Places.Inside.vouch

    @Test("a line for each check, in the order given; 1 if any fails, 0 if none does")
    func verdicts() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let closed = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch: "--tcp :\(port)", child: Fixture.switchServer(port: port, control: control))
      try await sandbox.withService("checked", text) { service in
        try await service.start()
        let command = [
          Self.vouch, "check", "--tcp", ":\(port)", "--http", ":\(port)/x", "--exec",
          "name=mine /bin/sh -c 'exit 3'", "--tcp", ":\(closed)",
        ]
        let result = try await sandbox.run(command)
        #expect(result.status == 1)
        #expect(result.errors == "")
        let lines = result.output.split(separator: "\n")
        try #require(lines.count == 4, "\(result)")
        #expect(lines[0].hasPrefix("pass  tcp :\(port)"))
        #expect(lines[0].contains("connected in "))
        #expect(lines[1].hasPrefix("pass  http :\(port)/x"))
        #expect(lines[1].contains("200 in "))
        #expect(lines[2].hasPrefix("fail  mine "))
        #expect(lines[2].contains("exit 3"))
        #expect(lines[3].contains("connect refused"))

        let fine = try await sandbox.run(Array(command.prefix(6)))
        #expect(fine.status == 0, "\(fine)")
        let quiet = try await sandbox.run(command + ["--quiet"])
        #expect(quiet.output.split(separator: "\n").count == 2)

        let json = try await sandbox.shell(
          "\(Self.vouch) check --json --http :\(port)/ --tcp :\(closed) | python3 -m json.tool")
        #expect(json.succeeded, "\(json)")
        let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
        #expect(!report.passed)
        #expect(report.checks.map(\.verdict) == ["pass", "fail"])
        #expect(report.checks.map(\.name) == ["http :\(port)/", "tcp :\(closed)"])

        try await sandbox.shell("echo 503 > \(control)")
        let down = try await sandbox.run([Self.vouch, "check", "--http", ":\(port)/"])
        #expect(down.status == 1)
        #expect(down.output.contains("503, expected 200-399"))
        let expected = try await sandbox.run(
          [Self.vouch, "check", "--http", ":\(port)/ status=503"])
        #expect(expected.status == 0, "\(expected)")
      }
    }

    private struct Report: Decodable {
      struct Check: Decodable {
        let name: String
        let verdict: String
      }
      let passed: Bool
      let checks: [Check]
    }

    @Test("as ExecStartPost= it makes a start wait until the server is up")
    func startPost() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = """
        [Service]
        Type=exec
        ExecStart=\(Fixture.webApp(port: port, startAfter: 1))
        ExecStartPost=\(Self.vouch) check --wait 30s --http :\(port)/healthz
        """
      try await sandbox.withService("start-post", text) { service in
        let began = ContinuousClock.now
        try await service.start()
        #expect(ContinuousClock.now - began >= .seconds(1))
        #expect(try await service.property("ActiveState") == "active")
        try await service.logged("pass  http :\(port)/healthz  200 in ")
      }
    }

    @Test("as ExecStartPost= it fails a start whose server does not come up in time")
    func startPostFails() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = """
        [Service]
        Type=exec
        ExecStart=/bin/sleep 900
        ExecStartPost=\(Self.vouch) check --wait 500ms --tcp :\(port)
        """
      try await sandbox.withService("start-post-fails", text) { service in
        let began = ContinuousClock.now
        try await service.expectStartFails()
        #expect(ContinuousClock.now - began < .seconds(10))
        try await service.logged("fail  tcp :\(port)  connect refused (")
      }
    }

    @Test("a hanging check ends with its timeout, and with the end of --wait")
    func hangs() async throws {
      let sandbox = try await Sandbox.shared
      for arguments in [["--timeout", "300ms"], ["--wait", "300ms"]] {
        let began = ContinuousClock.now
        let result = try await sandbox.run(
          [Self.vouch, "check", "--exec", "/bin/sleep 700"] + arguments)
        #expect(result.status == 1)
        #expect(result.output.contains("not ended within 300 ms"), "\(result)")
        #expect(ContinuousClock.now - began < .seconds(5))
      }
      #expect(try await !sandbox.run(["pgrep", "-f", "^/bin/sleep 700"]).succeeded)
    }

    @Test("what a check's command leaves in its group is gone when vouch check is")
    func reaped() async throws {
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.run(
        [Self.vouch, "check", "--exec", "/bin/sh -c '/bin/sleep 701 & exit 0'"])
      #expect(result.status == 0, "\(result)")
      try await eventually("nothing is left") {
        try await sandbox.run(["pgrep", "-f", "^/bin/sleep 701"]).output
      } holds: {
        $0 == ""
      }
    }

    @Test(
      "a signal ends it, and the commands of its checks",
      arguments: [("INT", 130), ("TERM", 143), ("HUP", 129), ("USR1", 138)])
    func signals(name: String, status: Int) async throws {
      let sandbox = try await Sandbox.shared
      // A shell's background job ignores SIGINT unless that is undone. The command is one that forks:
      // what it forked does not die with vouch by itself.
      let result = try await sandbox.shell(
        """
        env --default-signal \(Self.vouch) check --wait 60s --tcp :1 \\
          --exec "/bin/sh -c '/bin/sleep 702; true'" &
        while ! pgrep -f '^/bin/sleep 702' >/dev/null; do sleep 0.05; done
        kill -\(name) $!
        wait $!
        echo $?
        """, seconds: 30)
      #expect(result.output.trimmed == String(status), "\(result)")
      try await eventually("its command is gone") {
        try await sandbox.run(["pgrep", "-f", "^/bin/sleep 702"]).output
      } holds: {
        $0 == ""
      }
    }

    @Test("a signal that it was started with ignored does nothing")
    func ignored() async throws {
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.shell(
        """
        env --ignore-signal=HUP \(Self.vouch) check --exec '/bin/sleep 0.703' &
        while ! pgrep -f '^/bin/sleep 0.703' >/dev/null; do sleep 0.02; done
        kill -HUP $!
        wait $!
        """, seconds: 30)
      #expect(result.status == 0, "\(result)")
    }

    @Test("a passed socket is asked by its name, or by a path alone")
    func passedSocket() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "check-passed.socket",
        "[Socket]\nListenStream=127.0.0.1:\(port)\nFileDescriptorName=web\n")
      let text = """
        [Service]
        Type=oneshot
        Sockets=check-passed.socket
        ExecStart=/bin/sh -c "/bin/sh -c 'sleep 0.5; LISTEN_PID=$$$$ exec \(Fixture.webApp())' & \
        exec \(Self.vouch) check --wait 30s --http @web/healthz --http / --tcp @web"
        """
      try await sandbox.withService("check-passed", text) { service in
        try await sandbox.run(["systemctl", "start", "check-passed.socket"])
        try await service.start()
        #expect(try await service.property("Result") == "success")
        let journal = try await service.journal()
        for line in ["pass  http @web/healthz", "pass  http / ", "pass  tcp @web"] {
          #expect(journal.contains(line), "\(journal)")
        }
        try await sandbox.run(["systemctl", "stop", "check-passed.socket"])
      }
    }

    @Test("bad input: one clear line, exit status 64, nothing asked")
    func usage() async throws {
      let sandbox = try await Sandbox.shared
      let lines: [[String]] = [
        [], ["--http", "/path"], ["--tcp", "@web"], ["--http", ":80/ statsu=200"],
        ["--tcp", ":1", "--wait", "soon"], ["--tcp", ":1", "--", "true"],
        ["--tcp", ":1", "--json", "--quiet"], ["--tcp", ":1 name=a", "--tcp", ":2 name=a"],
        ["--exec", "/nonexistent/command"], ["--tcp", ":1", "--stop-timeout", "5s"],
      ]
      for arguments in lines {
        let result = try await sandbox.run([Self.vouch, "check"] + arguments, seconds: 20)
        #expect(result.status == 64, "\(result)")
        #expect(result.output == "")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
      }
      let unserved = try await sandbox.run([Self.vouch, "check", "--http", "/path"])
      #expect(unserved.errors.contains("no listening socket was passed"))
    }

    @Test("with no descriptor left it is no verdict: exit status 70")
    func ownTrouble() async throws {
      let sandbox = try await Sandbox.shared
      // The streams, the timer, the signals and the loop's own descriptors take them all.
      let result = try await sandbox.run(
        ["prlimit", "--nofile=9", Self.vouch, "check", "--tcp", ":1"])
      #expect(result.status == 70, "\(result)")
      #expect(result.output.hasPrefix("unknown  tcp :1  too many open files"), "\(result)")
    }
  }
}
