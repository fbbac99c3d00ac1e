import Foundation
import Testing

/// What Tests/fixtures/show_sockets.py writes.
private struct Handed: Decodable {
  struct Socket: Decodable, Equatable {
    var kind: String
    var family: String?
    var listening: Bool?
  }
  var count: Int
  var names: String?
  var pidIsMine: Bool
  var open: [Int]
  var sockets: [Socket]
  var leaked: [String]
}

extension UnderSystemd {
  @Suite("passed sockets") struct PassedSockets {
    private typealias Socket = Handed.Socket

    private func handed(_ file: String, _ sandbox: Sandbox) async throws -> Handed {
      try await eventually("the child has told what it got") {
        try await sandbox.run(["test", "-e", file]).succeeded
      } holds: {
        $0
      }
      let text = try await sandbox.run(["cat", file]).output
      return try JSONDecoder().decode(Handed.self, from: Data(text.utf8))
    }

    /// Starts a service with these socket units and hands back what its child got.
    private func pass(
      _ name: String, _ sockets: [(unit: String, text: String)]
    ) async throws -> Handed {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("handed")
      let units = sockets.map { "\(name)-\($0.unit).socket" }
      for (unit, socket) in zip(units, sockets) {
        try await sandbox.install(
          unit, "[Socket]\nService=\(name).service\n\(socket.text)\n")
      }
      let text = serviceText(
        vouch: "--no-check", child: Fixture.showSockets(file),
        "Sockets=" + units.joined(separator: " "), "WatchdogSec=30")
      var result: Handed?
      try await sandbox.withService(name, text) { service in
        let started = try await sandbox.run(["systemctl", "start"] + units)
        try #require(started.succeeded, "\(started)")
        try await service.start()
        result = try await handed(file, sandbox)
        try await sandbox.run(["systemctl", "stop"] + units)
      }
      return try #require(result)
    }

    private func expectClean(_ handed: Handed) {
      #expect(handed.pidIsMine)
      #expect(handed.leaked == [])
      // Nothing but the standard streams and the passed sockets.
      #expect(handed.open == Array(0..<(3 + handed.count)))
      #expect(handed.count == handed.sockets.count)
    }

    @Test(
      "each kind of socket that systemd makes reaches the child",
      arguments: [
        ("tcp", "ListenStream=127.0.0.1:19001", "stream", "AF_INET"),
        ("tcp6", "ListenStream=19002", "stream", "AF_INET6"),
        ("udp", "ListenDatagram=127.0.0.1:19003", "datagram", "AF_INET"),
        ("unix-stream", "ListenStream=/run/vt-stream", "stream", "AF_UNIX"),
        ("unix-datagram", "ListenDatagram=/run/vt-datagram", "datagram", "AF_UNIX"),
        ("unix-seqpacket", "ListenSequentialPacket=/run/vt-seqpacket", "seqpacket", "AF_UNIX"),
        ("abstract", "ListenStream=@vt-abstract", "stream", "AF_UNIX"),
      ])
    func kinds(name: String, listen: String, kind: String, family: String) async throws {
      let handed = try await pass("kind-\(name)", [("only", listen)])
      expectClean(handed)
      let wanted = kind == "datagram" ? "dgram" : kind
      #expect(
        handed.sockets == [Socket(kind: wanted, family: family, listening: kind != "datagram")])
      #expect(handed.names == "kind-\(name)-only.socket")
    }

    @Test("a FIFO reaches the child")
    func fifo() async throws {
      let handed = try await pass("kind-fifo", [("only", "ListenFIFO=/run/vt-fifo")])
      expectClean(handed)
      #expect(handed.sockets == [Socket(kind: "fifo")])
    }

    @Test("several named sockets arrive in order with their names, a name given twice included")
    func several() async throws {
      let handed = try await pass(
        "several",
        [
          (
            "a",
            "FileDescriptorName=web\nListenStream=127.0.0.1:19011\nListenStream=127.0.0.1:19012"
          ),
          ("b", "FileDescriptorName=metrics\nListenDatagram=127.0.0.1:19013"),
          ("c", "FileDescriptorName=web\nListenStream=/run/vt-several"),
        ])
      expectClean(handed)
      #expect(handed.count == 4)
      let names = try #require(handed.names).split(separator: ":").map(String.init)
      #expect(names.sorted() == ["metrics", "web", "web", "web"])
      // systemd decides the order of the units; the names and the sockets must agree.
      for (name, socket) in zip(names, handed.sockets) {
        #expect((name == "metrics") == (socket.kind == "dgram"))
      }
    }

    @Test("a check asks the passed socket of its name")
    func byName() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let units = [
        ("by-name-web", "FileDescriptorName=web\nListenStream=127.0.0.1:\(port)")
      ]
      for (unit, text) in units {
        try await sandbox.install(unit + ".socket", "[Socket]\nService=by-name.service\n\(text)\n")
      }
      let text = serviceText(
        vouch: "--http @web/healthz", child: Fixture.webApp(), "Sockets=by-name-web.socket")
      try await sandbox.withService("by-name", text) { service in
        try await sandbox.run(["systemctl", "start", "by-name-web.socket"])
        try await service.start()
        #expect(try await service.property("StatusText").hasPrefix("ready; http @web/healthz"))
        try await sandbox.run(["systemctl", "stop", "by-name-web.socket"])
      }
    }

    @Test("a socket name that does not exist is refused, and the line names those that do")
    func unknownName() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "unknown-name.socket",
        "[Socket]\nFileDescriptorName=web\nListenStream=127.0.0.1:\(port)\n")
      let text = serviceText(
        vouch: "--http @wep/healthz", child: Fixture.webApp(), "Sockets=unknown-name.socket")
      try await sandbox.withService("unknown-name", text) { service in
        try await sandbox.run(["systemctl", "start", "unknown-name.socket"])
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "64")
        try await service.logged("web")
        try await sandbox.run(["systemctl", "stop", "unknown-name.socket"])
      }
    }

    @Test("with Accept=yes the child gets the connection")
    func acceptYes() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let file = Service.freshFile("handed")
      try await sandbox.install(
        "connection.socket", "[Socket]\nListenStream=127.0.0.1:\(port)\nAccept=yes\n")
      try await sandbox.install(
        "connection@.service",
        serviceText(vouch: "--no-check", child: Fixture.showSockets(file)))
      try await sandbox.run(["systemctl", "start", "connection.socket"])
      let client =
        "import socket; c = socket.create_connection(('127.0.0.1', \(port)), 30);"
        + "print(c.recv(100).decode(), end='')"
      let answer = try await sandbox.run(["/usr/bin/python3", "-c", client])
      #expect(answer.output == "hello\n")
      let handed = try await handed(file, sandbox)
      expectClean(handed)
      #expect(handed.names == "connection")
      #expect(handed.sockets == [Socket(kind: "stream", family: "AF_INET", listening: false)])
      try await sandbox.shell("systemctl stop connection.socket 'connection@*'")
    }

    @Test("without sockets the child sees no trace of socket activation")
    func none() async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("handed")
      let text = serviceText(
        vouch: "--no-check", child: Fixture.showSockets(file), "WatchdogSec=30")
      try await sandbox.withService("no-sockets", text) { service in
        try await service.start()
        let handed = try await handed(file, sandbox)
        #expect(handed.count == 0)
        #expect(handed.names == nil)
        #expect(handed.open == [0, 1, 2])
        #expect(handed.leaked == [])
      }
    }
  }
}
