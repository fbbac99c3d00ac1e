import Testing

/// What counts as use of a service, told by what is lost where it does not.
extension UnderSystemd.ExitIdle {
  private func child(_ file: String) -> String {
    "/usr/bin/python3 \(Places.Inside.fixtures)/slow_closer.py \(file)"
  }

  /// Python that connects and has the connection as `c`.
  private func connected(_ kind: String, _ port: Int, _ path: String) -> String {
    "import socket, time\n"
      + (kind == "unix"
        ? "c = socket.socket(socket.AF_UNIX); c.connect('\(path)')\n"
        : "c = socket.create_connection(('127.0.0.1', \(port)))\n")
  }

  @Test(
    "vouch's own probes are not counted, also where the server closes late",
    .timeLimit(.minutes(1)),
    arguments: ["tcp", "unix"], ["--http", "--tcp"])
  func lateClose(kind: String, check: String) async throws {
    let name = "idle-late-\(kind)\(check)"
    let path = "/run/\(name)"
    try await withActivated(
      name, vouch: "\(check) @\(name).socket --interval 300ms --exit-idle 1s",
      child: child(Service.freshFile("late")), listen: kind == "unix" ? path : nil
    ) { service, _, port, sandbox in
      let client = connected(kind, port, path) + "c.sendall(b'GET /'); c.recv(99)"
      try await sandbox.run(["/usr/bin/python3", "-c", client])
      try await service.wait(for: "ActiveState", "inactive", within: 15)
      #expect(try await service.property("Result") == "success")
    }
  }

  @Test("a job whose client has gone is done before the stop", arguments: ["tcp", "unix"])
  func job(kind: String) async throws {
    let file = Service.freshFile("job")
    let path = "/run/idle-job"
    try await withActivated(
      "idle-job-\(kind)", vouch: "--no-check --exit-idle 500ms", child: child(file),
      listen: kind == "unix" ? path : nil
    ) { service, _, port, sandbox in
      let client = connected(kind, port, path) + "c.sendall(b'job 2'); c.close()"
      try await sandbox.run(["/usr/bin/python3", "-c", client])
      try await service.wait(for: "ActiveState", "active")
      try await service.wait(for: "ActiveState", "inactive", within: 15)
      #expect(try await sandbox.run(["cat", file]).output == "done")
    }
  }

  @Test("an upload to a server that has nothing more to say is taken to its end")
  func upload() async throws {
    let file = Service.freshFile("upload")
    try await withActivated(
      "idle-upload", vouch: "--no-check --exit-idle 500ms", child: child(file)
    ) { service, _, port, sandbox in
      let client =
        connected("tcp", port, "")
        + "c.sendall(b'upload'); time.sleep(1)\n"
        + "for _ in range(10): time.sleep(0.2); c.sendall(b'x')\n"
      let sent = try await sandbox.run(["/usr/bin/python3", "-c", client])
      #expect(sent.succeeded, "\(sent)")
      try await service.wait(for: "ActiveState", "inactive", within: 15)
      #expect(try await sandbox.run(["cat", file]).output == "xxxxxxxxxx")
    }
  }

  @Test("a time at which systemd's start limit would close the socket: it stays up for long enough")
  func startLimit() async throws {
    for (time, isShort) in [("1s", true), ("3s", false)] {
      let name = "idle-limit-\(time)"
      try await withActivated(
        name, vouch: "--no-check --exit-idle \(time)", child: "/bin/sleep 1000"
      ) { service, _, _, sandbox in
        let unit = try await sandbox.shell(
          "sed -i /StartLimit/d /run/systemd/system/\(name).service && systemctl daemon-reload")
        try #require(unit.succeeded)
        try await service.start()
        try await service.wait(for: "ActiveState", "inactive")
        let journal = try await service.journal()
        #expect(journal.contains("stays up for at least 2.5 s, since") == isShort, "\(journal)")
      }
    }
  }

  @Test("a client that comes whenever it is down never reaches systemd's limit of starts")
  func startLimitNotReached() async throws {
    let name = "idle-limit-many"
    try await withActivated(
      name, vouch: "--http /healthz --interval 1s --exit-idle 100ms", child: Fixture.webApp()
    ) { service, socket, port, sandbox in
      let unit = try await sandbox.shell(
        "cd /run/systemd/system && sed -i /StartLimit/d \(name).service \(name).socket "
          + "&& systemctl daemon-reload")
      try #require(unit.succeeded)
      var seen: Set<String> = []
      // Two more than systemd allows in ten seconds, and more than ten seconds; and a restart by hand.
      for round in 0..<7 {
        if round == 2 {
          try await service.start()
          let restarted = try await service.systemctl("restart")
          #expect(restarted.succeeded, "\(restarted)")
        }
        let answer = try await sandbox.run(
          ["curl", "-sS", "--max-time", "20", "http://127.0.0.1:\(port)/"])
        #expect(answer.output.hasPrefix("hello"), "\(answer)")
        seen.insert(answer.output)
        try await service.wait(for: "ActiveState", "inactive")
      }
      #expect(seen.count == 7, "\(seen)")
      #expect(try await service.property("Result") == "success")
      #expect(try await socket.property("ActiveState") == "active")
    }
  }
}
