import Testing

extension UnderSystemd {
  /// What goes wrong around `--on-reload replace` that is neither generation's fault.
  @Suite("--on-reload replace in trouble") struct ReplaceTrouble {
    @Test(
      "a server behind a shell script finishes its requests, though the script ends at once",
      arguments: ["mixed", "control-group"])
    func wrapper(killMode: String) async throws {
      try await Wrapped.with("wrapped-\(killMode)", "KillMode=\(killMode)") { app in
        // The script waits in wait(2), and ends by the signal; the server behind it has a request in hand.
        let slow = Task { try await app.get("slow") }
        try await app.wait(until: "1 slow")
        #expect(try await app.reload().succeeded)
        #expect(try await slow.value == "1")
        #expect(try await app.get("fast") == "2")
        try await app.wait(until: "1 TERM")
        #expect(try await app.count("1 TERM") == 1)
        try await eventually("the old server is gone") {
          try await app.servers()
        } holds: {
          $0 == 1
        }
        try await app.service.logged(
          "generation 1 goes on without its first process: SIGTERM to what is left")
      }
    }

    @Test("what outlives its script and does not heed the signal is killed after --drain")
    func stubborn() async throws {
      try await Wrapped.with("wrapped-stubborn", server: "deaf") { app in
        #expect(try await app.reload().succeeded)
        try await app.wait(until: "1 TERM")
        #expect(try await app.servers() == 2, "it has --drain")
        try await eventually("the old server is gone") {
          try await app.servers()
        } holds: {
          $0 == 1
        }
        try await app.service.logged("generation 1 has not ended within 3 s: killing it")
        #expect(try await app.get("fast") == "2")
        #expect(try await app.reload().succeeded)
        try await app.service.stop()
        #expect(try await app.service.property("Result") == "success")
      }
    }

    @Test(
      "whoever is shown as vouch's user for want of a number of their own may not ask for a reload",
      arguments: [("nobody", "yes", false), ("nobody", "no", true), ("daemon", "yes", true)])
    func overflowUser(user: String, isPrivate: String, itself: Bool) async throws {
      let sandbox = try await Sandbox.shared
      let text = serviceText(
        vouch: "--no-check", child: "/bin/sh -c 'trap : HUP; while :; do sleep 1; done'",
        "User=\(user)", "PrivateUsers=\(isPrivate)", "KillMode=control-group")
      try await sandbox.withService("overflow-\(user)-\(isPrivate)", text) { service in
        try await service.start()
        let main = try await service.mainPID
        func ask(_ user: String) async throws -> Int32 {
          try await sandbox.shell(
            "setpriv --reuid=\(user) --clear-groups \(Places.Inside.vouch) reload --pid \(main)"
          ).status
        }
        #expect(try await ask("1234") == 70)
        #expect(try await ask(user) == (itself ? 0 : 70))
        #expect(try await ask("root") == 0)
      }
    }

    @Test(
      "what may make a replacement cost requests is said at the start",
      arguments: [
        (["--tcp", ":1999"], ["/run/x/nginx"], "/run/x/nginx cuts off", true),
        (["--tcp", ":1999"], ["/run/x/nginx"], "with --stop-signal SIGQUIT a replaced", true),
        (["--tcp", ":1999", "--stop-signal", "QUIT"], ["/run/x/nginx"], "cuts off", false),
        (["--tcp", ":1999"], ["/run/x/other"], "cuts off", false),
        (["--tcp", ":1999"], ["/run/x/other"], "no check gates READY=1", false),
        (["--no-check"], ["/run/x/other"], "takes over as soon as it runs", true),
        (["--tcp", ":1999 gates=watchdog"], ["/run/x/other"], "no check gates READY=1", true),
      ])
    func notices(options: [String], command: [String], notice: String, isSaid: Bool) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.shell(
        "mkdir -p /run/x; for name in nginx other; do ln -sf /bin/true /run/x/$name; done")
      let result = try await sandbox.run(
        [Places.Inside.vouch, "--on-reload", "replace", "--listen", "127.0.0.1:1999"] + options
          + ["--"] + command)
      #expect(result.errors.contains(notice) == isSaid, "\(result)")
      let forwarded = try await sandbox.run(
        [Places.Inside.vouch, "--listen", "127.0.0.1:1999"] + options + ["--"] + command)
      #expect(!forwarded.errors.contains(notice), "\(forwarded)")
    }

    @Test("where no reload can succeed, the log says so once the service is ready")
    func blind() async throws {
      try await Replaceable.with(
        "replace-blind", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
      ) { app in
        let warning = "--on-reload replace: a reload would fail"
        try await app.service.logged(warning)
        #expect(try await !app.reload().succeeded)
        let journal = try await app.service.journal()
        #expect(journal.ranges(of: warning).count == 1, "\(journal)")
        #expect(try await app.answer() == "1")
      }
    }

    @Test(
      "whatever of systemd's ends a stop, or the watchdog's period, leaves no failure of vouch reload",
      arguments: ["TERM", "ABRT"])
    func ended(signal: String) async throws {
      try await Replaceable.with("replace-\(signal)") { app in
        try await app.next("late 5")
        let main = try await app.service.mainPID
        let client = try await app.service.sandbox.shell(
          "MAINPID=\(main) \(Places.Inside.vouch) reload & sleep 0.5; kill -\(signal) $!; wait $!")
        #expect(client.status == 0, "\(client)")
        #expect(client.errors.isEmpty, "\(client)")
      }
    }
  }
}

/// A server behind a shell script that starts it in the background and waits (Tests/fixtures/wrapped.py).
private struct Wrapped {
  let service: Service
  let log: String
  let port: Int

  func reload() async throws -> CommandResult { try await service.systemctl("reload") }
  func get(_ path: String) async throws -> String {
    try await service.sandbox.run(["curl", "-s", "http://127.0.0.1:\(port)/\(path)"]).output.trimmed
  }
  func lines() async throws -> [String] {
    try await service.sandbox.run(["cat", log]).output.split(separator: "\n").map(String.init)
  }
  func count(_ line: String) async throws -> Int { try await lines().filter { $0 == line }.count }
  func wait(until line: String) async throws {
    try await eventually("\(line)") {
      try await lines()
    } holds: {
      $0.contains(line)
    }
  }
  func servers() async throws -> Int {
    let found = try await service.sandbox.run(["pgrep", "-fc", "^/usr/bin/python3 .*\(log)"])
    return Int(found.output.trimmed) ?? 0
  }

  static func with(
    _ name: String, server: String = "kind", _ settings: String...,
    body: (Wrapped) async throws -> Void
  ) async throws {
    let sandbox = try await Sandbox.shared
    let port = Service.freshPort()
    let log = Service.freshFile("wrapped")
    let script = Service.freshFile("script")
    try await sandbox.shell(
      "printf '#!/bin/sh\\n/usr/bin/python3 \(Places.Inside.fixtures)/wrapped.py \(server) \(log) &\\nwait\\n'"
        + " > \(script); chmod 755 \(script); touch \(log)")
    let text = serviceText(
      vouch:
        "--http /fast --interval 300ms --on-reload replace --drain 3s --listen 127.0.0.1:\(port)",
      child: script, "ExecReload=\(Places.Inside.vouch) reload", "WatchdogSec=20", "Restart=no",
      settings.joined(separator: "\n"))
    try await sandbox.withService(name, text) { service in
      try await service.start()
      try await body(Wrapped(service: service, log: log, port: port))
    }
  }
}
