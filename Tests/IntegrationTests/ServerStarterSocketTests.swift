import Foundation
import Testing

extension UnderSystemd {
  /// The kinds of sockets that Server::Starter's own suite has, over replacements. Each test names its
  /// origin. What is left of that suite has no counterpart in vouch: t/01-another-starter-is-running.t,
  /// t/11-stop.t, t/12-stop.t and t/13-unix-daemonize.t are about its pid file, its socket file and its
  /// daemon mode, which are systemd's here; t/04-starter-dir.t is WorkingDirectory=; t/02-ns-prefork.t,
  /// t/08-wait3.t and t/09-guard.t test its parts.
  @Suite("Server::Starter's own cases: sockets") struct ServerStarterSockets {
    @Test("t/03-starter-unix.t: a Unix socket's path is each generation's")
    func unix() async throws {
      let sandbox = try await Sandbox.shared
      let control = Service.freshFile("replaceable")
      let path = Service.freshFile("socket")
      try await sandbox.shell("echo ok > \(control)")
      let text = serviceText(
        vouch: "--http http://unix:\(path):/ --on-reload replace --listen \(path)",
        child: "/usr/bin/python3 \(Places.Inside.fixtures)/replaceable.py \(control)",
        "ExecReload=\(Places.Inside.vouch) reload", "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("starter-unix", text) { service in
        try await service.start()
        for generation in 1...3 {
          let answer = try await sandbox.run([
            "curl", "-s", "--unix-socket", path, "http://localhost/",
          ])
          #expect(answer.output.trimmed == "\(generation)")
          #expect(try await service.systemctl("reload").succeeded)
        }
      }
    }

    @Test(
      "t/10-bindaddr.t, t/11-specified-fd.t: several sockets, the same ones for each generation")
    func several() async throws {
      let sandbox = try await Sandbox.shared
      let ports = [Service.freshPort(), Service.freshPort()]
      let control = Service.freshFile("replaceable")
      try await sandbox.shell("echo ok > \(control)")
      let text = serviceText(
        vouch: "--http @a/ --on-reload replace --listen a=127.0.0.1:\(ports[0]) "
          + "--listen b=127.0.0.1:\(ports[1])",
        child:
          "/bin/sh -c 'ls -l /proc/self/fd/3 /proc/self/fd/4 | sed \"s/.*-> //\" >> \(control).fds; "
          + "exec /usr/bin/python3 \(Places.Inside.fixtures)/replaceable.py \(control)'",
        "ExecReload=\(Places.Inside.vouch) reload", "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("starter-several", text) { service in
        try await service.start()
        #expect(try await service.systemctl("reload").succeeded)
        let sockets = try await sandbox.run(["cat", control + ".fds"]).output
          .split(separator: "\n")
        try #require(sockets.count == 4, "\(sockets)")
        #expect(sockets[0] == sockets[2] && sockets[1] == sockets[3] && sockets[0] != sockets[1])
      }
    }

    @Test("t/14-without-port.t: without a socket there is nothing to replace on, and it says so")
    func withoutPort() async throws {
      let result = try await Sandbox.shared.run([
        Places.Inside.vouch, "--no-check", "--on-reload", "replace", "--", "/bin/true",
      ])
      #expect(result.status == 64, "\(result)")
      #expect(result.errors.contains("need one listening socket, and there is none"), "\(result)")
    }

    private struct Report: Decodable {
      var requests: Int
      var failures: Int
      var generations: [Int]
    }

    @Test("t/15-udp.t: a datagram socket; no datagram is lost over replacements")
    func datagrams() async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let room = Service.freshFile("datagrams")
      let stop = Service.freshFile("stop")
      let script = "/usr/bin/python3 \(Places.Inside.fixtures)/datagram.py"
      try await sandbox.shell("mkdir \(room)")
      try await sandbox.install(
        "starter-udp.socket", "[Socket]\nListenDatagram=127.0.0.1:\(port)\n")
      let text = serviceText(
        vouch: "--exec \"/bin/sh -c 'test -e \(room)/$$VOUCH_GENERATION'\" --on-reload replace",
        child: "\(script) serve \(room)", "ExecReload=\(Places.Inside.vouch) reload",
        "WatchdogSec=20", "Restart=no")
      try await sandbox.withService("starter-udp", text) { service in
        try await sandbox.run(["systemctl", "start", "starter-udp.socket"])
        try await service.start()
        async let client = sandbox.shell("\(script) ask \(port) \(stop)", seconds: 100)
        for _ in 0..<3 {
          let reloaded = try await service.systemctl("reload")
          #expect(reloaded.succeeded, "\(reloaded)")
          try await Task.sleep(for: .milliseconds(300))
        }
        try await sandbox.run(["touch", stop])
        let result = try await client
        let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
        #expect(report.failures == 0 && report.requests > 50, "\(report)")
        #expect(report.generations.last == 4, "\(report)")
      }
      try await sandbox.run(["systemctl", "stop", "starter-udp.socket"])
    }
  }
}
