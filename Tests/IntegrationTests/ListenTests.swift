import Foundation
import Testing

/// A service without a .socket unit, whose socket vouch opens (`--listen`).
extension UnderSystemd {
  @Suite("--listen") struct Listen {
    /// The inode of whatever listens on a TCP port; empty where nothing does.
    private func inode(of port: Int, _ sandbox: Sandbox) async throws -> String {
      try await sandbox.shell(
        "awk -v p=\":$(printf %04X \(port))$\" '$2 ~ p && $4 == \"0A\" {print $10}' "
          + "/proc/net/tcp /proc/net/tcp6"
      ).output.trimmed
    }

    /// systemd closes what it kept on the side, which may take a moment.
    private func expectNothingListens(on port: Int, _ sandbox: Sandbox) async throws {
      try await eventually("nothing listens on \(port)") {
        try await inode(of: port, sandbox)
      } holds: {
        $0.isEmpty
      }
    }

    private func stored(_ service: Service) async throws -> String {
      try await service.property("NFileDescriptorStore")
    }

    private func text(_ vouch: String, child: String = Fixture.webApp(), _ settings: String...)
      -> String
    {
      serviceText(vouch: vouch, child: child, "RestartSec=0", settings.joined(separator: "\n"))
    }

    /// Why one worker, see AdoptPathsTests.
    private static let gunicorn =
      "/usr/bin/gunicorn --workers 1 "
      + "--chdir \(Places.Inside.fixtures)/wsgi-app app:app"

    private func restart(_ service: Service, times: Int) async throws {
      for _ in 1...times {
        let before = try await service.mainPID
        let restarted = try await service.systemctl("restart")
        #expect(restarted.succeeded, "\(restarted)")
        #expect(try await service.mainPID != before)
      }
    }

    @Test(
      "with a descriptor store five restarts under load fail no request, and the socket stays",
      // The Debian 13 tree has no servers.
      arguments: Places.sandboxRoot == "/" ? ["web-app", "gunicorn"] : ["web-app"])
    func kept(name: String) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http \(name == "gunicorn" ? "/" : "/healthz")",
        child: name == "gunicorn" ? Self.gunicorn : Fixture.webApp(), "FileDescriptorStoreMax=1",
        "WatchdogSec=30")
      try await sandbox.withService("listen-kept-\(name)", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        #expect(!inode.isEmpty)
        #expect(try await stored(service) == "1")
        let report = try await sandbox.underLoad(port: port) {
          try await restart(service, times: 5)
        }
        #expect(report.failures == 0, "\(report)")
        #expect(report.requests >= 50, "\(report)")
        #expect(try await self.inode(of: port, sandbox) == inode)
        #expect(try await stored(service) == "1")
        let journal = try await service.journal()
        #expect(journal.contains("listening on \(port), which systemd kept"))
        #expect(!journal.contains("FileDescriptorStoreMax"), "\(journal)")
        #expect(!journal.contains("Cannot store"), "\(journal)")
      }
    }

    @Test("the same with a program that knows nothing of systemd and binds its port itself")
    func adopted() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen 127.0.0.1:\(port) --pass adopt --http /healthz",
        child: Fixture.webApp(port: port), "FileDescriptorStoreMax=1", "WatchdogSec=30")
      try await sandbox.withService("listen-adopted", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        let report = try await sandbox.underLoad(port: port) {
          try await restart(service, times: 5)
        }
        #expect(report.failures == 0, "\(report)")
        #expect(report.requests >= 50, "\(report)")
        #expect(try await self.inode(of: port, sandbox) == inode)
      }
    }

    @Test("without a store a restart under load fails requests, and the log says what would help")
    func notKept() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http /healthz", child: Fixture.webApp(startAfter: 0.3))
      try await sandbox.withService("listen-not-kept", unit) { service in
        try await service.start()
        let report = try await sandbox.underLoad(port: port) {
          try await restart(service, times: 2)
        }
        #expect(report.failures > 0, "\(report)")
        let journal = try await service.journal()
        #expect(journal.contains("with FileDescriptorStoreMax=1 systemd keeps the socket"))
        #expect(!journal.contains("Cannot store"), "\(journal)")
      }
    }

    @Test("a stop without a start ends it: nothing listens on, and nothing is kept")
    func stopped() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text("--listen \(port) --http /healthz", "FileDescriptorStoreMax=1")
      try await sandbox.withService("listen-stopped", unit) { service in
        try await service.start()
        try await service.stop()
        try await expectNothingListens(on: port, sandbox)
        try await service.start()
        #expect(try await stored(service) == "1")
      }
    }

    @Test("vouch killed: what connects while nothing runs is answered by the next one")
    func crashed() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit =
        text("--listen web=127.0.0.1:\(port) --http @web/healthz", "FileDescriptorStoreMax=1")
        .replacing("RestartSec=0", with: "RestartSec=1\nRestart=always")
      try await sandbox.withService("listen-crashed", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        let main = try await service.mainPID
        let answer = try await sandbox.shell(
          "kill -KILL \(main); while [ -e /proc/\(main) ]; do sleep 0.01; done;"
            + "curl -sS --max-time 30 http://127.0.0.1:\(port)/")
        #expect(answer.output.hasPrefix("hello from process"), "\(answer)")
        #expect(try await service.mainPID != main)
        #expect(try await self.inode(of: port, sandbox) == inode)
      }
    }

    @Test("after the watchdog's restart a request that waited is answered")
    func watchdog() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http /healthz", "FileDescriptorStoreMax=1", "WatchdogSec=1",
        "Restart=always")
      try await sandbox.withService("listen-watchdog", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        let child = try await service.childPID
        let answer = try await sandbox.shell(
          "kill -STOP \(child); curl -sS --max-time 60 http://127.0.0.1:\(port)/")
        #expect(answer.output.hasPrefix("hello from process"), "\(answer)")
        #expect(answer.output != "hello from process \(child)\n")
        #expect(try await service.property("NRestarts") == "1")
        #expect(try await self.inode(of: port, sandbox) == inode)
      }
    }

    @Test("vouch's own restart of the child goes on with the socket")
    func unhealthy() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http /healthz --interval 300ms --timeout 300ms --on-unhealthy restart "
          + "--stop-timeout 200ms", "WatchdogSec=20")
      try await sandbox.withService("listen-unhealthy", unit) { service in
        try await service.start()
        let main = try await service.mainPID
        let child = try await service.childPID
        let answer = try await sandbox.shell(
          "kill -STOP \(child); curl -sS --max-time 60 http://127.0.0.1:\(port)/")
        #expect(answer.output.hasPrefix("hello from process"), "\(answer)")
        #expect(try await service.mainPID == main)
      }
    }

    private struct Handed: Decodable {
      struct Socket: Decodable { var address: Address? }
      enum Address: Decodable, Equatable {
        case port(Int)
        case path(String)
        init(from decoder: any Decoder) throws {
          let value = try decoder.singleValueContainer()
          self = try (try? .port(value.decode(Int.self))) ?? .path(value.decode(String.self))
        }
      }
      var count: Int
      var names: String?
      var sockets: [Socket]
      var open: [Int]
    }

    /// What the child got at this start.
    private func handed(_ file: String, _ sandbox: Sandbox) async throws -> Handed {
      try await eventually("the child has told what it got") {
        try await sandbox.run(["test", "-e", file]).succeeded
      } holds: {
        $0
      }
      let json = try await sandbox.shell("cat \(file); rm \(file)").output
      return try JSONDecoder().decode(Handed.self, from: Data(json.utf8))
    }

    private func rewrite(_ service: Service, _ text: String) async throws {
      try await service.sandbox.install(service.name, text)
      try await service.sandbox.run(["systemctl", "daemon-reload"])
      let restarted = try await service.systemctl("restart")
      #expect(restarted.succeeded, "\(restarted)")
    }

    @Test("another command line: what it no longer asks for leaves the store and is not passed on")
    func changed() async throws {
      let sandbox = try await Sandbox.shared
      let (first, second) = (Service.freshPort(), Service.freshPort())
      let file = Service.freshFile("handed")
      func unit(_ listen: String) -> String {
        text(
          "--no-check \(listen)", child: Fixture.showSockets(file), "FileDescriptorStoreMax=3")
      }
      try await sandbox.withService("listen-changed", unit("--listen web=\(first)")) { service in
        try await service.start()
        var got = try await handed(file, sandbox)
        #expect(got.names == "web")
        #expect(got.sockets.map(\.address) == [.port(first)])
        let inode = try await inode(of: first, sandbox)

        // Another name, another socket in front of it: the child sees both as they are called now.
        try await rewrite(
          service, unit("--listen admin=127.0.0.1:\(second) --listen www=\(first)"))
        got = try await handed(file, sandbox)
        #expect(got.names == "admin:www")
        #expect(got.sockets.map(\.address) == [.port(second), .port(first)])
        #expect(got.open == [0, 1, 2, 3, 4])
        #expect(try await self.inode(of: first, sandbox) == inode)
        #expect(try await stored(service) == "2")

        // Over a restart in which nothing changes the order is that of the command line.
        try await service.systemctl("restart")
        got = try await handed(file, sandbox)
        #expect(got.names == "admin:www")
        #expect(got.sockets.map(\.address) == [.port(second), .port(first)])

        // The same port with an option that makes it another socket.
        try await rewrite(service, unit("--listen 'www=\(first) v6only=yes'"))
        got = try await handed(file, sandbox)
        #expect(got.sockets.map(\.address) == [.port(first)])
        try await expectNothingListens(on: second, sandbox)
        #expect(try await self.inode(of: first, sandbox) != inode)
        #expect(try await stored(service) == "1")

        try await rewrite(service, unit(""))
        got = try await handed(file, sandbox)
        #expect(got.count == 0)
        #expect(got.names == nil)
        #expect(got.open == [0, 1, 2])
        try await expectNothingListens(on: first, sandbox)
        #expect(try await stored(service) == "0")
      }
    }

    @Test("a .socket unit of the name, or of the address, is taken instead")
    func unitWins() async throws {
      let sandbox = try await Sandbox.shared
      let (passed, asked, same) = (
        Service.freshPort(), Service.freshPort(), Service.freshPort()
      )
      let file = Service.freshFile("handed")
      try await sandbox.install(
        "listen-wins.socket",
        "[Socket]\nFileDescriptorName=web\nListenStream=127.0.0.1:\(passed)\nListenStream=\(same)\n"
      )
      let extra = Service.freshPort()
      let unit = text(
        "--no-check --listen web=\(asked) --listen \(same) --listen extra=127.0.0.1:\(extra)",
        child: Fixture.showSockets(file), "FileDescriptorStoreMax=3")
      try await sandbox.withService("listen-wins", unit) { service in
        try await sandbox.run(["systemctl", "start", "listen-wins.socket"])
        for _ in 1...2 {
          try await service.systemctl("restart")
          let got = try await handed(file, sandbox)
          #expect(got.names == "web:web:extra")
          #expect(got.sockets.map(\.address) == [.port(passed), .port(same), .port(extra)])
          #expect(try await inode(of: asked, sandbox) == "")
          #expect(try await stored(service) == "1")
        }
        try await sandbox.run(["systemctl", "stop", "listen-wins.socket"])
      }
    }

    @Test("what the child itself stored comes back beside it, and cannot pass for vouch's own")
    func childStores() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      func unit(_ name: String) -> String {
        text(
          "--heartbeat notify --listen \(Service.freshPort()) --listen 127.0.0.1:\(port + 10000)",
          child: "/usr/bin/python3 \(Places.Inside.fixtures)/notify_app.py --port \(port) "
            + "--control \(Service.freshFile("control")) --store \(name)",
          "FileDescriptorStoreMax=4")
      }
      try await sandbox.withService("listen-child", unit("cache")) { service in
        try await service.start()
        #expect(try await stored(service) == "3")
        try await service.systemctl("restart")
        try await service.logged("from the store: kept over the restart")
        #expect(try await stored(service) == "3")
      }
      try await sandbox.withService("listen-liar", unit("vouch-listen/81")) { service in
        try await service.start()
        #expect(try await stored(service) == "2")
        try await service.logged("is of --listen, not the child's")
      }
    }

    @Test("a Unix path is kept with its folder; where the folder goes, it is opened anew")
    func unixPath() async throws {
      let sandbox = try await Sandbox.shared
      for preserve in ["restart", "no"] {
        let name = "listen-path-\(preserve)"
        let path = "/run/\(name)/app.sock"
        let unit = text(
          "--listen \"\(path) mode=0600\" --http /healthz", "FileDescriptorStoreMax=1",
          "RuntimeDirectory=\(name)", "RuntimeDirectoryPreserve=\(preserve)")
        try await sandbox.withService(name, unit) { service in
          func inode() async throws -> String {
            try await sandbox.shell("awk '$8 == \"\(path)\" {print $7}' /proc/net/unix")
              .output.trimmed
          }
          try await service.start()
          let first = try await inode()
          for _ in 1...2 {
            let restarted = try await service.systemctl("restart")
            #expect(restarted.succeeded, "\(restarted)")
            let answer = try await sandbox.run(
              ["curl", "-sS", "--max-time", "20", "--unix-socket", path, "http://app/"])
            #expect(answer.output.hasPrefix("hello from"), "\(answer)")
          }
          #expect(try await (inode() == first) == (preserve == "restart"))
          #expect(try await stored(service) == "1")
          #expect(try await sandbox.run(["stat", "-c", "%a", path]).output == "600\n")
          let told = try await service.journal().contains("RuntimeDirectoryPreserve=restart")
          #expect(told == (preserve == "no"))
        }
      }
    }

    @Test("an ordinary user's service keeps its socket too")
    func dynamicUser() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http /healthz", "FileDescriptorStoreMax=1", "DynamicUser=yes",
        "NoNewPrivileges=yes")
      try await sandbox.withService("listen-user", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        try await restart(service, times: 2)
        #expect(try await self.inode(of: port, sandbox) == inode)
        #expect(try await stored(service) == "1")
      }
    }

    @Test("where only systemd itself can tell of its store, the socket is stored as well")
    func askedFor() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      // No unit file is to be seen, and systemd 254 and later are kept from saying it either.
      let unit = text(
        "--listen \(port) --http /healthz", "FileDescriptorStoreMax=1",
        "InaccessiblePaths=/run/systemd/system", "UnsetEnvironment=FDSTORE")
      try await sandbox.withService("listen-asked", unit) { service in
        try await service.start()
        try await eventually("it is stored") {
          try await stored(service)
        } holds: {
          $0 == "1"
        }
        let inode = try await inode(of: port, sandbox)
        try await restart(service, times: 2)
        #expect(try await self.inode(of: port, sandbox) == inode)
        #expect(try await stored(service) == "1")
      }
    }

    @Test("without IPv6 a port alone is one of IPv4, and is kept as well")
    func withoutIPv6() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let unit = text(
        "--listen \(port) --http /healthz", "FileDescriptorStoreMax=1",
        "RestrictAddressFamilies=AF_UNIX AF_INET")
      try await sandbox.withService("listen-ip4", unit) { service in
        try await service.start()
        let inode = try await inode(of: port, sandbox)
        let table = try await sandbox.run(["grep", "-c", " \(inode) ", "/proc/net/tcp"])
        #expect(table.output == "1\n")
        try await restart(service, times: 2)
        #expect(try await self.inode(of: port, sandbox) == inode)
      }
    }

    @Test("room for one of two: both serve, and the log says what is missing")
    func room() async throws {
      let sandbox = try await Sandbox.shared
      let (first, second) = (Service.freshPort(), Service.freshPort())
      let unit = text(
        "--listen \(first) --listen \(second) --http /healthz", "FileDescriptorStoreMax=1")
      try await sandbox.withService("listen-room", unit) { service in
        try await service.start()
        try await eventually("it is told") {
          try await service.journal()
        } holds: {
          $0.contains("with FileDescriptorStoreMax=2 systemd keeps the sockets")
            && $0.contains("room for 1 of 2")
        }
        try await restart(service, times: 2)
        #expect(try await stored(service) == "1")
      }
    }

    @Test("an address that is in use: one line that names the holder, status 70, nothing started")
    func inUse() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let file = Service.freshFile("started")
      let result = try await sandbox.shell(
        """
        /usr/bin/python3 \(Places.Inside.fixtures)/web_app.py --port \(port) & other=$!
        until curl -sf http://127.0.0.1:\(port)/ >/dev/null; do sleep 0.05; done
        \(Places.Inside.vouch) --listen \(port) --http /healthz -- touch \(file)
        echo $?
        kill $other
        """)
      #expect(result.output == "70\n", "\(result)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
      #expect(result.errors.contains("in use already by process"))
      #expect(result.errors.contains("(python3)"))
      #expect(try await !sandbox.run(["test", "-e", file]).succeeded)
    }

    @Test("an address of a .socket unit that is not this service's: the line says so")
    func strangeUnit() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      try await sandbox.install(
        "listen-strange.socket", "[Socket]\nListenStream=\(port)\n")
      try await sandbox.install(
        "listen-strange.service", "[Service]\nExecStart=/bin/sleep infinity\n")
      let started = try await sandbox.run(["systemctl", "start", "listen-strange.socket"])
      #expect(started.succeeded, "\(started)")
      let unit = text("--listen \(port) --http /healthz")
      try await sandbox.withService("listen-stranger", unit) { service in
        try await service.expectStartFails()
        #expect(try await service.property("ExecMainStatus") == "70")
        let journal = try await service.journal()
        #expect(journal.contains("process 1 (systemd)") && journal.contains("Sockets="))
      }
      try await sandbox.run(["systemctl", "stop", "listen-strange.socket"])
    }

    @Test("without systemd it opens the socket, checks it, and says nothing of a store")
    func outside() async throws {
      let sandbox = try await Sandbox.shared
      let log = Service.freshFile("listen-outside")
      let port = Service.freshPort()
      let result = try await sandbox.shell(
        """
        \(Places.Inside.vouch) --listen web=127.0.0.1:\(port) --http @web/healthz --interval 1s -- \
        \(Fixture.webApp()) 2>\(log) & vouch=$!
        curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:\(port)/
        for _ in $(seq 200); do grep -q 'vouch: ready' \(log) && break; sleep 0.05; done
        kill $vouch; wait $vouch; cat \(log) >&2
        """)
      #expect(result.output.hasPrefix("hello from process"), "\(result)")
      #expect(result.errors.contains("vouch: listening on web=127.0.0.1:\(port)\n"), "\(result)")
      #expect(result.errors.contains("vouch: ready"), "\(result)")
      #expect(!result.errors.contains("FileDescriptorStoreMax"), "\(result)")
    }
  }
}
