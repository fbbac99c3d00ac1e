import Testing

extension UnderSystemd {
  @Suite("heartbeats") struct Heartbeats {
    /// A unit with the app that speaks sd_notify(3), and its control file.
    private func app(
      vouch: String, _ settings: String..., arguments: String = "",
      _ body: (_ service: Service, _ order: (String) async throws -> Void) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let control = Service.freshFile("orders")
      let text = serviceText(
        vouch: vouch.replacing("PORT", with: String(port)),
        child: "/usr/bin/python3 \(Places.Inside.fixtures)/notify_app.py --port \(port) "
          + "--control \(control) \(arguments)",
        settings.joined(separator: "\n"))
      try await sandbox.withService("notify-\(port)", text) { service in
        try await body(service) { line in
          try await sandbox.run([
            "/bin/sh", "-c",
            "printf '%s\\n' \"$1\" > \(control).new && mv \(control).new \(control)",
            "sh", line,
          ])
        }
      }
    }

    @Test("a shell script beats with vouch beat, and is ready with systemd-notify")
    func shell() async throws {
      let sandbox = try await Sandbox.shared
      let script = Service.freshFile("script")
      let beating = Service.freshFile("beating")
      try await sandbox.run(["touch", beating])
      try await sandbox.run([
        "/bin/sh", "-c", "printf '%s' \"$1\" > \(script)", "sh",
        """
        systemd-notify --ready --status='round and round'
        while :; do
          test -e \(beating) && { vouch beat worker || echo "beat: $?"; }
          sleep 0.2
        done
        """,
      ])
      let text = serviceText(
        vouch: "--heartbeat 'notify gates=ready' --heartbeat worker",
        child: "/bin/sh \(script)", "WatchdogSec=6")
      try await sandbox.withService("beating", text) { service in
        try await service.start()
        try await service.wait(for: "StatusText", "tells all") {
          $0.contains("heartbeat notify: ready") && $0.contains("heartbeat worker: reported")
            && $0.contains("child says \"round and round\"")
        }
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        #expect(try await !service.journal().contains("beat: "))
        try await sandbox.run(["rm", beating])
        try await service.wait(for: "StatusText", "tells the silence") {
          $0.contains("heartbeat worker: no report within 2 s")
        }
        try await service.wait(for: "Result", "watchdog")
      }
    }

    @Test("the program's own protocol: READY=1 when it says so, alive while it says so")
    func program() async throws {
      try await app(
        vouch: "--heartbeat notify --http :PORT/ --on-unhealthy trigger", "WatchdogSec=9",
        arguments: "--start-after 1.5"
      ) { service, order in
        try await service.beginStart()
        try await service.wait(for: "StatusText", "tells what the program says") {
          $0.hasPrefix("starting; ") && $0.contains("heartbeat notify: waiting for a report")
            && $0.hasSuffix("child says \"warming up\"")
        }
        #expect(try await service.property("ActiveState") == "activating")
        try await service.wait(for: "ActiveState", "active")
        try await service.wait(for: "StatusText", "is ready") {
          $0.hasPrefix("ready; http ") && $0.contains("heartbeat notify: ready")
            && $0.hasSuffix("child says \"serving\"")
        }
        // Alive for longer than the interval, by its own WATCHDOG=1.
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await Task.sleep(for: .seconds(4))
        #expect(try await service.property("WatchdogTimestampMonotonic") != fed)
        #expect(try await service.property("StatusText").hasPrefix("ready"))
        try await order("mute")
        try await eventually("the watchdog was triggered, while http still answers") {
          try await service.journal()
        } holds: {
          $0.contains(
            "Watchdog request (last status: failing 3/3: heartbeat notify: no report within 3 s")
        }
      }
    }

    @Test("a worker thread that freezes while http still answers is found")
    func frozenWorker() async throws {
      try await app(
        vouch: "--heartbeat 'worker interval=1s' --http :PORT/ --on-unhealthy restart",
        "WatchdogSec=30"
      ) { service, order in
        try await service.start()
        let child = try await service.childPID
        try await order("freeze")
        try await service.wait(for: "StatusText", "tells of the restart") {
          $0.hasPrefix("ready; ") && $0.contains("restarted once")
        }
        #expect(try await service.childPID != child)
        #expect(try await service.property("NRestarts") == "0", "vouch has healed it")
        try await service.logged("heartbeat worker: no report within 1 s")
      }
    }

    @Test("VOUCH_FAILED fails at once, with the component's own words")
    func failed() async throws {
      try await app(
        vouch: "--heartbeat 'worker interval=20s' --fall 1 --on-unhealthy trigger",
        "WatchdogSec=60", "Restart=no"
      ) { service, order in
        try await service.start()
        try await order("freeze")
        try await order("send VOUCH_COMPONENT=worker\\nVOUCH_FAILED=the disk is full")
        try await eventually("the journal has the words", within: 10) {
          try await service.journal()
        } holds: {
          $0.contains(
            "Watchdog request (last status: failing 1/1: heartbeat worker: the disk is full")
        }
      }
    }

    @Test("a datagram from outside the child's family is not believed")
    func stranger() async throws {
      let sandbox = try await Sandbox.shared
      try await app(
        vouch: "--heartbeat 'worker interval=60s' --heartbeat notify", "WatchdogSec=120"
      ) { service, order in
        try await service.start()
        let child = try await service.childPID
        let address = try await sandbox.shell(
          "tr '\\0' '\\n' < /proc/\(child)/environ | sed -n 's/^NOTIFY_SOCKET=//p'"
        ).output.trimmed
        #expect(address.hasPrefix("@vouch-notify/"))
        let beat = try await sandbox.shell(
          "NOTIFY_SOCKET=\(address) vouch beat worker --failed lies")
        #expect(beat.status == 70)
        #expect(beat.errors.contains("is none of the child's"))
        // One that has ended before vouch can look: of another control group, whoever it was.
        for _ in 0..<5 {
          try await sandbox.run([
            "python3", "-c",
            "import socket,sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto("
              + "b'STOPPING=1\\nSTATUS=lies', '\\0' + sys.argv[1][1:])", address,
          ])
        }
        try await order("send STATUS=truth")
        try await service.wait(for: "StatusText", "tells the truth") { $0.contains("truth") }
        let journal = try await service.journal()
        #expect(journal.contains("a datagram is not believed: process "))
        #expect(!journal.contains("lies"))
        #expect(try await service.property("ActiveState") == "active")
      }
    }

    @Test("one that has ended before vouch can look is believed where it was of the service")
    func endedSender() async throws {
      let sandbox = try await Sandbox.shared
      let release = try await sandbox.run(["uname", "-r"]).output.split(separator: ".")
      guard let major = release.first.flatMap({ Int($0) }),
        let minor = release.dropFirst().first.flatMap({ Int($0) }), (major, minor) >= (6, 17)
      else { try Test.cancel("Linux remembers the control group of the dead from 6.17 on") }
      let script = Service.freshFile("script")
      try await sandbox.run([
        "/bin/sh", "-c", "printf '%s' \"$1\" > \(script)", "sh",
        """
        import os, signal, socket, time
        address = "\\0" + os.environ["NOTIFY_SOCKET"][1:]
        os.kill(os.getppid(), signal.SIGSTOP)
        pid = os.fork()
        if pid == 0:
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", address)
            os._exit(0)
        os.waitpid(pid, 0)
        os.kill(os.getppid(), signal.SIGCONT)
        time.sleep(1000)
        """,
      ])
      let text = serviceText(
        vouch: "--heartbeat 'notify gates=ready'", child: "/usr/bin/python3 \(script)",
        "TimeoutStartSec=20")
      try await sandbox.withService("ended-sender", text) { service in
        try await service.start()
      }
    }

    @Test("what the program stores at systemd is stored, and comes back after a restart")
    func store() async throws {
      try await app(
        vouch: "--heartbeat notify", "FileDescriptorStoreMax=4", "WatchdogSec=30",
        arguments: "--store state"
      ) { service, _ in
        try await service.start()
        try await service.wait(for: "NFileDescriptorStore", "1")
        // vouch has kept none of it.
        let main = try await service.mainPID
        let open = try await service.sandbox.shell("ls -l /proc/\(main)/fd").output
        #expect(!open.contains("(deleted)"))
        try await service.systemctl("restart")
        try await eventually("the next one has it from the store") {
          try await service.journal()
        } holds: {
          $0.contains("from the store: kept over the restart")
        }
      }
    }

    @Test("a slow start that asks for more time gets it")
    func extends() async throws {
      try await app(
        vouch: "--heartbeat notify", "TimeoutStartSec=2",
        arguments: "--start-after 5 --extend"
      ) { service, _ in
        try await service.start()
        #expect(try await service.property("ActiveState") == "active")
      }
    }

    @Test("a program that reloads and stops by itself is told of to systemd as it does")
    func reloadsAndStops() async throws {
      try await app(vouch: "--heartbeat notify --http :PORT/", "WatchdogSec=9") { service, order in
        try await service.start()
        try await order("send RELOADING=1\\nMONOTONIC_USEC=1\\nSTATUS=reading")
        try await service.wait(for: "ActiveState", "reloading")
        try await order("send READY=1\\nSTATUS=read")
        try await service.wait(for: "ActiveState", "active")
        try await order("send MAINPID=1\\nSTOPPING=1\\nSTATUS=enough")
        try await service.wait(for: "ActiveState", "deactivating")
        #expect(
          try await service.property("StatusText").hasPrefix("stopping by itself; child says"))
        try await service.sandbox.shell("kill \(service.childPID)")
        try await service.wait(for: "ActiveState", "inactive")
        #expect(try await service.property("Result") == "success")
        try await service.logged("the child says that it is stopping")
      }
    }

    @Test("a child that floods the socket starves nothing and leaks nothing")
    func flood() async throws {
      let sandbox = try await Sandbox.shared
      let rounds = Service.freshFile("rounds")
      let text = serviceText(
        vouch: "--heartbeat 'worker fall=100' --heartbeat 'notify gates=ready' "
          + "--exec \"/bin/sh -c 'echo x >> \(rounds)'\" --interval 200ms",
        child: "/usr/bin/python3 \(Places.Inside.fixtures)/flood.py", "WatchdogSec=10")
      try await sandbox.withService("flood", text) { service in
        try await service.start()
        let main = try await service.mainPID
        func number(_ line: String) async throws -> Int {
          let found = try await sandbox.shell(line)
          return try #require(Int(found.output.trimmed), "\(found)")
        }
        let anonymous = "awk '/^Anonymous:/ { print $2 }' /proc/\(main)/smaps_rollup"
        try await Task.sleep(for: .seconds(2))
        let memory = try await number(anonymous)
        let before = try await number("wc -l < \(rounds)")
        try await Task.sleep(for: .seconds(4))
        #expect(try await number("wc -l < \(rounds)") - before >= 12, "20 were due")
        #expect(try await number(anonymous) - memory < 512, "KiB")
        #expect(try await number("ls /proc/\(main)/fd | wc -l") < 40)
        let ticks = try await number("awk '{ print $14 + $15 }' /proc/\(main)/stat")
        #expect(ticks < 400, "hundredths of a second, of more than six seconds, in a debug build")
        #expect(try await service.property("StatusText").contains("heartbeat worker: "))
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }

    @Test(
      "redis, which says READY=1 and no more, is combined with a check of its port",
      .enabled(if: Places.sandboxRoot == "/", "the Debian 13 tree has no servers: skipped there"))
    func redis() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--heartbeat 'notify gates=ready' --tcp :\(port)",
        child:
          "/usr/bin/redis-server --supervised systemd --port \(port) --bind 127.0.0.1 --save ''",
        "WatchdogSec=6", "WorkingDirectory=/tmp")
      try await sandbox.withService("redis", text) { service in
        try await service.start()
        try await service.wait(for: "StatusText", "tells both") {
          $0.contains("heartbeat notify: ready; ") && $0.contains("tcp :\(port): connected in ")
            && $0.contains("child says \"Ready to accept connections\"")
        }
        let fed = try await service.property("WatchdogTimestampMonotonic")
        try await service.wait(for: "WatchdogTimestampMonotonic", "moves on") { $0 != fed }
        try await service.stop()
        #expect(try await service.property("Result") == "success")
      }
    }
  }
}
