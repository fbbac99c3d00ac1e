import Foundation
import Testing

/// What Tests/fixtures/show_handover.py writes.
private struct Report: Decodable {
  struct Socket: Decodable, Equatable {
    /// A port, or a path.
    var address: String
    var nonblocking: Bool
  }
  var pid: Int
  var arguments: [String]
  var variables: [String: String]
  var open: [Int]
  var sockets: [String: Socket]
}

extension UnderSystemd {
  /// The ways in which a program takes sockets, each seen from inside the program.
  @Suite("--pass") struct Pass {
    /// Two named sockets, of an order that systemd does not settle.
    private static let port = Service.freshPort()
    private static let path = "/run/vt-pass.sock"

    struct Case: Sendable, CustomTestStringConvertible {
      var pass: String
      /// As the unit's NonBlocking= has it, and as the program is to find it.
      var nonBlocking = false
      var finds = false
      var arguments = Pass.given
      /// From the numbers of the TCP socket and of the Unix one.
      var variables: @Sendable (_ tcp: Int, _ unix: Int) -> [String: String] = { _, _ in [:] }
      var testDescription: String { nonBlocking ? "\(pass), NonBlocking=yes" : pass }
    }

    /// Written so in the unit, quotes and all.
    static let given = ["{fd:tcp}", #"{"a":{"b":2}}"#, "{{fd}}"]
    private static let listen: @Sendable (Int, Int) -> [String: String] = { tcp, _ in
      [
        "LISTEN_PID": "mine", "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": tcp == 3 ? "tcp:unix" : "unix:tcp",
      ]
    }

    static let cases: [Case] = [
      Case(pass: "systemd", variables: listen),
      Case(pass: "systemd", nonBlocking: true, finds: true, variables: listen),
      Case(pass: "argv", arguments: ["TCP", #"{"a":{"b":2}}"#, "{fd}"]),
      Case(pass: "argv", nonBlocking: true, finds: true, arguments: ["TCP", given[1], "{fd}"]),
      Case(
        pass: "env:TEST_A={addr:tcp}={fd:tcp} --pass env:TEST_B={path:unix}/{fds}",
        variables: { tcp, _ in
          ["TEST_A": "127.0.0.1:\(port)=\(tcp)", "TEST_B": "\(path)/3,4"]
        }),
      Case(pass: "nginx", finds: true, variables: { _, _ in ["NGINX": "3:4;"] }),
      Case(
        pass: "php-fpm", nonBlocking: true, finds: false,
        variables: { tcp, unix in
          let entries = [(tcp, "127.0.0.1:\(port)=\(tcp)"), (unix, "\(path)=\(unix)")]
          return ["FPM_SOCKETS": entries.sorted { $0.0 < $1.0 }.map(\.1).joined(separator: ",")]
        }),
      Case(
        pass: "server-starter", nonBlocking: true, finds: false,
        variables: { tcp, unix in
          let entries = [(tcp, "127.0.0.1:\(port)=\(tcp)"), (unix, "\(path)=\(unix)")]
          return [
            "SERVER_STARTER_PORT": entries.sorted { $0.0 < $1.0 }.map(\.1).joined(separator: ";"),
            "SERVER_STARTER_GENERATION": "1",
          ]
        }),
    ]

    @Test(
      "the program gets the sockets, is told of them so, and gets nothing else", arguments: cases)
    func protocols(_ row: Case) async throws {
      let report = try await self.report(
        "pass-protocol", pass: row.pass, Self.sockets,
        "NonBlocking=\(row.nonBlocking ? "yes" : "no")")
      #expect(report.open == [0, 1, 2, 3, 4])
      #expect(Set(report.sockets.keys) == ["3", "4"])
      #expect(report.sockets.values.allSatisfy { $0.nonblocking == row.finds })
      let tcp = try #require(report.sockets.first { $0.value.address == String(Self.port) }?.key)
      let unix = try #require(report.sockets.first { $0.value.address == Self.path }?.key)
      #expect(report.arguments == row.arguments.map { $0 == "TCP" ? tcp : $0 })
      #expect(report.variables == row.variables(try #require(Int(tcp)), try #require(Int(unix))))
    }

    @Test("with none the program gets no socket and no word of any")
    func none() async throws {
      let report = try await self.report("pass-none", pass: "none", Self.sockets)
      #expect(report.open == [0, 1, 2])
      #expect(report.sockets == [:])
      #expect(report.variables == [:])
      #expect(report.arguments == Self.given)
    }

    @Test(
      "with inetd the socket is standard input and output, blocking, and nothing else is open",
      arguments: ["ListenStream=127.0.0.1:19031", "ListenDatagram=127.0.0.1:19031"])
    func inetd(socket: String) async throws {
      let report = try await self.report(
        "pass-inetd", pass: "inetd", [("only", socket)], "NonBlocking=yes")
      #expect(report.open == [0, 1, 2])
      let wanted = Report.Socket(address: "19031", nonblocking: false)
      #expect(report.sockets.keys.sorted() == ["0", "1"])
      #expect(report.sockets.values.allSatisfy { $0 == wanted })
      #expect(report.variables == [:])
    }

    @Test("with inetd and Accept=yes the connection is standard input and output")
    func connection() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "pass-connection.socket", "[Socket]\nListenStream=127.0.0.1:\(port)\nAccept=yes\n")
      try await sandbox.install(
        "pass-connection@.service",
        serviceText(
          vouch: "--no-check --pass inetd", child: "/bin/sh -c 'read a; echo to-log >&2; echo $a$a'"
        ))
      try await sandbox.run(["systemctl", "start", "pass-connection.socket"])
      let client =
        "import socket; c = socket.create_connection(('127.0.0.1', \(port)), 30);"
        + "c.sendall(b'ab\\n'); print(c.makefile().read(), end='')"
      let answer = try await sandbox.run(["/usr/bin/python3", "-c", client])
      #expect(answer.output == "abab\n")
      try await sandbox.shell("systemctl stop pass-connection.socket 'pass-connection@*'")
    }

    @Test("a restart by vouch hands over the same once more, O_NONBLOCK as it was at first")
    func restart() async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("handed")
      let flag = Service.freshFile("healthy")
      try await sandbox.run(["touch", flag])
      let text = serviceText(
        vouch: "--exec 'test -e \(flag)' --interval 200ms --fall 1 --on-unhealthy restart"
          + " --pass nginx --pass argv",
        child: Fixture.showHandover("--flip-nonblock \(file) {fd:tcp}"))
      try await withService("pass-restart", text, [Self.sockets[0]]) { service in
        try await service.start()
        let first = try await report(file, sandbox)
        try await sandbox.run(["rm", flag, file])
        try await service.wait(for: "StatusText", "is failing") { !$0.hasPrefix("ready") }
        try await sandbox.run(["touch", flag])
        try await service.wait(for: "StatusText", "is ready again") { $0.hasPrefix("ready") }
        let second = try await report(file, sandbox)
        #expect(first.pid != second.pid)
        let wanted = Report.Socket(address: String(Self.port), nonblocking: true)
        for report in [first, second] {
          #expect(report.sockets == ["3": wanted])
          #expect(report.variables == ["NGINX": "3;"])
          #expect(report.arguments == ["3"])
        }
      }
    }

    @Test(
      "what cannot be handed over is one line and exit status 64, before the program starts",
      arguments: [
        ("--pass argv", "{port:unix}", "has no port"), ("--pass argv", "x", "no argument"),
        ("--pass 'env:A={fd:web}'", "", "is tcp (127.0.0.1:\(port))"),
        ("--pass inetd", "", "exactly one"), ("--pass nginx --pass none", "", "stands alone"),
        ("--pass carrier-pigeon", "", "no such protocol"),
      ])
    func mistakes(pass: String, argument: String, says: String) async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("started")
      let text = serviceText(
        vouch: "--no-check \(pass)", child: "/bin/touch \(file) \(argument)")
      try await withService("pass-mistake", text, Self.sockets) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        let journal = try await service.journal()
        #expect(journal.contains("--pass") && journal.contains(says), "\(journal)")
        #expect(try await !sandbox.run(["test", "-e", file]).succeeded)
      }
    }

    private static let sockets = [
      ("tcp", "FileDescriptorName=tcp\nListenStream=127.0.0.1:\(port)"),
      ("unix", "FileDescriptorName=unix\nListenStream=\(path)"),
    ]

    /// A service with its .socket units, which are started before it.
    private func withService(
      _ name: String, _ text: String, _ sockets: [(unit: String, text: String)],
      _ body: (Service) async throws -> Void
    ) async throws {
      let sandbox = try await Sandbox.shared
      let units = sockets.map { "\(name)-\($0.unit).socket" }
      for (unit, socket) in zip(units, sockets) {
        try await sandbox.install(unit, "[Socket]\nService=\(name).service\n\(socket.text)\n")
      }
      let text = text + "Sockets=\(units.joined(separator: " "))\n"
      try await sandbox.withService(name, text) { service in
        // Another case of this test may have had units of these names.
        try await sandbox.run(["systemctl", "daemon-reload"])
        let started = try await sandbox.run(["systemctl", "start"] + units)
        try #require(started.succeeded, "\(started)")
        do {
          try await body(service)
        } catch {
          try await sandbox.run(["systemctl", "stop"] + units)
          throw error
        }
        try await sandbox.run(["systemctl", "stop"] + units)
      }
    }

    /// What a program tells that was handed these sockets.
    private func report(
      _ name: String, pass: String, _ sockets: [(unit: String, text: String)], _ settings: String...
    ) async throws -> Report {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("handed")
      let arguments = Self.given.map { "'\($0)'" }.joined(separator: " ")
      let text = serviceText(
        vouch: "--no-check --pass \(pass)",
        child: Fixture.showHandover("\(file) \(arguments)"),
        settings.joined(separator: "\n"))
      var result: Report?
      try await withService(name, text, sockets) { service in
        try await service.start()
        result = try await report(file, sandbox)
      }
      return try #require(result)
    }

    private func report(_ file: String, _ sandbox: Sandbox) async throws -> Report {
      try await eventually("the child has told what it got") {
        try await sandbox.run(["test", "-e", file]).succeeded
      } holds: {
        $0
      }
      let text = try await sandbox.run(["cat", file]).output
      return try JSONDecoder().decode(Report.self, from: Data(text.utf8))
    }
  }
}
