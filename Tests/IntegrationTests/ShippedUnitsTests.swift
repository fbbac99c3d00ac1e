import Foundation
import Testing

extension UnderSystemd {
  @Suite("units/") struct ShippedUnits {
    private static let names =
      (try? FileManager.default.contentsOfDirectory(atPath: Places.units).sorted()) ?? []

    private static let checks = [" --http ", " --exec ", " --heartbeat "]

    @Test("systemd-analyze verify has nothing to say")
    func verify() async throws {
      let sandbox = try await Sandbox.shared
      try #require(Self.names.count >= 30)
      try await sandbox.installShippedUnits()
      let result = try await sandbox.run(
        ["systemd-analyze", "verify", "--man=no"] + Self.names.map { "/etc/systemd/system/" + $0 })
      if Places.sandboxRoot == "/" {
        #expect(result.succeeded && result.output == "" && result.errors == "", "\(result)")
      } else {
        // The Debian 13 tree lacks the servers: their absence is all that there may be to say.
        let others = result.errors.split(separator: "\n").filter {
          !$0.contains("is not executable: No such file or directory")
        }
        #expect(others == [], "\(result)")
      }
    }

    @Test(
      "the exposure is in the OK range, and is the figure that the unit's comment gives",
      arguments: names.filter { $0.hasSuffix(".service") })
    func security(name: String) async throws {
      let sandbox = try await Sandbox.shared
      try await sandbox.installShippedUnits()
      let result = try await sandbox.run(["systemd-analyze", "security", "--no-pager", name])
      let verdict = try #require(
        result.output.split(separator: "\n").last { $0.contains("Overall exposure level") })
      // "→ Overall exposure level for nginx.service: 2.6 OK :-)"
      let words = try #require(verdict.split(separator: ": ").last).split(separator: " ")
      let figure = try #require(Double(words[0]))
      #expect(figure < 5, "\(verdict)")
      if try await sandbox.systemdVersion == 252 {
        let text = try String(contentsOfFile: Places.units + "/" + name, encoding: .utf8)
        #expect(text.contains("systemd-analyze security: \(words[0]) \(words[1])"), "\(verdict)")
      }
    }

    @Test(
      "every service has what makes vouch work",
      arguments: names.filter {
        $0.hasSuffix(".service")
      })
    func settings(name: String) throws {
      let text = try String(contentsOfFile: Places.units + "/" + name, encoding: .utf8)
      for line in [
        "Type=notify", "NotifyAccess=main", "WatchdogSec=30", "Restart=on-failure",
        "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes",
        "SystemCallFilter=@system-service",
      ] {
        #expect(text.contains("\n" + line + "\n"), "\(name) lacks \(line)")
      }
      // Only where the program's main process does not wait for the others may systemd let them go on.
      let killMode = ["tftpd.service": "process"][name] ?? "mixed"
      #expect(text.contains("\nKillMode=\(killMode)\n"))
      #expect(text.contains("\nExecStart=/usr/bin/vouch --"))
      #expect(Self.checks.contains { text.contains($0) }, "\(name) checks nothing")
    }
  }
}
