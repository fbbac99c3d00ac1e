import Testing

extension UnderSystemd {
  @Suite("--on-reload replace with few descriptors left") struct ReplaceDescriptors {
    @Test("wherever in a reload they run out: it is done, or all is as it was")
    func everyStep() async throws {
      try await Replaceable.with(
        "replace-few", vouch: "--start-timeout 2s --stop-timeout 1s"
      ) { app in
        let main = try await app.service.mainPID
        let sandbox = app.service.sandbox
        func open() async throws -> [Int] {
          try await sandbox.run(["ls", "/proc/\(main)/fd"]).output.split(separator: "\n")
            .compactMap { Int($0) }.sorted()
        }
        let before = try await open()
        var serving = 1
        var outcomes: [Bool] = []
        for free in 0...10 {
          // The lowest number that is one too many, with so many free ones below it.
          let taken = Set(try await open())
          let limit = (0..<1024).filter { !taken.contains($0) }[free]
          // The child has the same limit; Python alone needs a handful.
          try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=\(limit):"])
          let reloaded = try await app.reload()
          outcomes.append(reloaded.succeeded)
          try await sandbox.run(["prlimit", "--pid", "\(main)", "--nofile=1024:"])
          let last = try await app.log().compactMap { Int($0[0]) }.max() ?? 0
          if reloaded.succeeded { serving = last }
          #expect(try await app.answer() == "\(serving)", "\(free) free")
          #expect(try await app.service.property("ActiveState") == "active", "\(free) free")
          try await app.service.wait(for: "StatusText", "is ready") { $0.hasPrefix("ready;") }
          let head = try await app.process(serving)
          #expect(try await app.isAlive(head), "\(free) free")
        }
        print("with 0 to 10 descriptors left the reload was done: \(outcomes)")
        #expect(outcomes.first == false)
        #expect(try await app.reload().succeeded)
        try await eventually("what was opened meanwhile is closed") {
          try await open().count
        } holds: {
          $0 <= before.count
        }
      }
    }
  }
}
