import Testing

extension UnderSystemd {
  @Suite("--on-unhealthy restart and exec=") struct Restart {
    @Test("an unhealthy program is started again on its own port, and the unit stays up")
    func restarted() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch:
          "--http :\(port)/healthz --interval 300ms --on-unhealthy restart --stop-timeout 300ms",
        child: Fixture.webApp(port: port), "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("healed", text) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        // It does not answer, nor does it hear SIGTERM in time.
        try await sandbox.shell("kill -STOP \(child)")
        try await service.wait(for: "StatusText", "is ready after a restart") {
          $0.hasPrefix("ready;") && $0.hasSuffix("; restarted once")
        }
        #expect(try await service.mainPID == main)
        #expect(try await service.property("NRestarts") == "0")
        #expect(try await !sandbox.run(["test", "-d", "/proc/\(child)"]).succeeded)
        let answer = try await sandbox.run(["curl", "-sf", "http://127.0.0.1:\(port)/"])
        #expect(answer.output == "hello from process \(try await service.childPID)\n")
        let journal = try await service.journal()
        #expect(journal.contains("restarting the child with SIGTERM: 3 failures in a row"))
        #expect(journal.contains("healthy again after"))
        // The watchdog is fed again, and a stop is one stop.
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test("the new child has the passed socket, and no client is lost over the restart")
    func passedSocket() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http /healthz --interval 300ms --timeout 300ms --on-unhealthy restart "
          + "--stop-timeout 200ms",
        child: Fixture.webApp(), "WatchdogSec=20", "Restart=no")
      let socket = "healed-socket.socket"
      try await sandbox.install(socket, "[Socket]\nListenStream=127.0.0.1:\(port)\n")
      try await sandbox.withService("healed-socket", text) { service in
        try await sandbox.run(["systemctl", "start", socket])
        try await service.start()
        let child = try await service.childPID
        try await sandbox.shell("kill -STOP \(child)")
        let after = try await sandbox.underLoad(port: port) {
          try await service.wait(for: "StatusText", "is ready after a restart") {
            $0.hasSuffix("; restarted once")
          }
          try await Task.sleep(for: .milliseconds(300))
        }
        #expect(after.failures == 0, "\(after)")
        #expect(after.requests > 10)
        try await sandbox.run(["systemctl", "stop", socket])
      }
    }

    @Test("workers that the old child leaves behind do not serve beside the new one's")
    func workers() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let workers = Service.freshFile("workers")
      // A child whose worker ignores SIGTERM, in a session of its own.
      let script =
        "setsid sh -c 'trap \"\" TERM; echo $$ >> \(workers); while :; do sleep 1; done' & "
        + "exec \(Fixture.switchServer(port: port, control: control))"
      let text = serviceText(
        vouch: "--http :\(port)/ --interval 200ms --on-unhealthy restart",
        child: "/bin/sh -c \"\(script.replacing("\"", with: "\\\"").replacing("$", with: "$$"))\"",
        "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("healed-workers", text) { service in
        try await service.start()
        let old = try await sandbox.run(["cat", workers]).output.trimmed
        try await sandbox.shell("echo 500 > \(control)")
        try await service.wait(for: "StatusText", "restarts") { $0.hasPrefix("restarting") }
        try await sandbox.shell("echo 200 > \(control)")
        try await service.wait(for: "StatusText", "is ready after a restart") {
          $0.hasPrefix("ready;") && $0.contains("; restarted")
        }
        #expect(try await !sandbox.run(["test", "-d", "/proc/\(old)"]).succeeded)
      }
    }

    @Test("a program that stays unhealthy is restarted at growing pauses until the watchdog fires")
    func backstop() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch:
          "--http :\(port)/ --interval 200ms --fall 1 --on-unhealthy restart --start-timeout 1s",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=8", "Restart=no")
      try await sandbox.withService("backstop", text) { service in
        try await service.start()
        try await sandbox.shell("echo 500 > \(control)")
        try await service.wait(for: "Result", "watchdog")
        let journal = try await service.journal()
        #expect(journal.contains("not healthy within 1 s of its restart: http :\(port)/: 500"))
        #expect(journal.contains("starting it again in 1"))
        #expect(journal.contains("WatchdogSec= of 8 s fires before that"))
      }
    }

    @Test("a stop in the middle of a restart ends the service at once and successfully")
    func stopped() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let text = serviceText(
        vouch:
          "--http :\(port)/ --interval 100ms --fall 1 --on-unhealthy restart --start-timeout 300ms",
        child: Fixture.switchServer(port: port, control: control), "Restart=no")
      try await sandbox.withService("heal-stopped", text) { service in
        try await service.start()
        try await sandbox.shell("echo 500 > \(control)")
        // Several restarts on: the pause is 2 s and more, and nothing runs in it.
        try await service.wait(for: "StatusText", "waits") {
          $0.hasPrefix("restarting (3), starting again")
        }
        try await service.stop()
        #expect(try await service.property("Result") == "success")
        #expect(try await service.property("ExecMainStatus") == "0")
      }
    }

    @Test("exec= runs its command, which may heal the program, before the watchdog acts")
    func command() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("control")
      let seen = Service.freshFile("seen")
      let heal = Service.freshFile("heal")
      try await sandbox.shell(
        """
        printf '#!/bin/sh\\necho "$MAINPID $VOUCH_CHECK $VOUCH_REASON" >> \(seen)\\n\
        echo dumped\\necho 200 > \(control)\\n' > \(heal); chmod 755 \(heal)
        """)
      let text = serviceText(
        vouch:
          "--http \":\(port)/ name=web\" --interval 200ms \"--on-unhealthy\" \"exec=\(heal) now\"",
        child: Fixture.switchServer(port: port, control: control), "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("exec-heals", text) { service in
        try await service.start()
        let child = try await service.childPID
        try await sandbox.shell("echo 503 > \(control)")
        try await service.wait(for: "StatusText", "fails") { $0.hasPrefix("failing") }
        try await service.wait(for: "StatusText", "is ready again") { $0.hasPrefix("ready;") }
        #expect(
          try await sandbox.run(["cat", seen]).output
            == "\(child) web web: 503, expected 200-399\n")
        let journal = try await service.journal()
        #expect(journal.contains("dumped"), "what it prints is in the journal")
        #expect(journal.contains("the command \(heal) succeeded"))
        #expect(try await service.property("NRestarts") == "0")
      }
    }

    @Test(
      "a wrong --on-unhealthy is refused before anything starts",
      arguments: [
        ("sometimes", "it is none of: withhold, trigger, restart, exec=COMMAND"),
        ("restart", "it acts on checks that gate the watchdog, and there is none"),
        ("exec=", "it names no command"),
        ("exec=/nowhere/heal", "command not found: /nowhere/heal"),
      ])
    func refused(value: String, reason: String) async throws {
      let sandbox = try await Sandbox.shared
      let result = try await sandbox.run(
        [Places.Inside.vouch, "--no-check", "--on-unhealthy", value, "--", "/bin/true"])
      #expect(result.status == 64)
      #expect(result.errors.contains(reason), "\(result)")
    }
  }
}
