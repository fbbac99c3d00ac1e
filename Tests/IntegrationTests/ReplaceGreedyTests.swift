import Testing

extension UnderSystemd {
  /// Who gets a connection is the kernel's and the old generation's choice: the new one is to be reached
  /// all the same, and no client is to notice.
  @Suite("--on-reload replace beside servers that take all they can get") struct ReplaceGreedy {
    @Test(
      "under load, an old generation of many workers or of a greedy one is replaced, time and again",
      arguments: ["greedy", "epoll", "exclusive", "accept"])
    func converges(style: String) async throws {
      let sandbox = try await Sandbox.shared
      let port = Service.freshPort()
      let text = serviceText(
        vouch: "--http / --interval 1s --start-timeout 20s --drain 1s --on-reload replace "
          + "--listen 127.0.0.1:\(port)",
        child: "/usr/bin/python3 \(Places.Inside.fixtures)/generation_server.py 200 "
          + "--style \(style) --workers 8 --hold 0.002",
        "ExecReload=\(Places.Inside.vouch) reload", "Restart=no", "WatchdogSec=20")
      try await sandbox.withService("greedy-\(style)", text) { service in
        try await service.start()
        var slowest = Duration.zero
        let report = try await sandbox.underLoad(.http(port: port), seconds: 100) {
          for _ in 0..<3 {
            let began = ContinuousClock.now
            let reloaded = try await service.systemctl("reload")
            slowest = max(slowest, ContinuousClock.now - began)
            #expect(reloaded.succeeded, "\(reloaded)")
          }
        }
        print("\(style): the slowest of three replacements took \(slowest); \(report)")
        #expect(report.requests >= 50, "\(report)")
        // The fixture dies at SIGTERM with what it has in hand: it has no manners to end with.
        #expect(report.failures <= 3 * 8, "\(report)")
        try await service.logged("generation 4 serves")
      }
    }
  }
}
