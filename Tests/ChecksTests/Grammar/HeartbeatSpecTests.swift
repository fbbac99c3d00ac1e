import Testing

@testable import Checks

@Suite struct HeartbeatSpecTests {
  private func parse(_ text: String) throws -> CheckSpec {
    try CheckSpec.parse(kind: .heartbeat, text: text)
  }

  private func message(_ text: String) -> String? {
    do {
      _ = try parse(text)
      return nil
    } catch {
      return (error as? SpecError)?.message
    }
  }

  @Test("a component, or the program itself")
  func targets() throws {
    let worker = try parse("worker-1.a_B interval=30s fall=2 rise=3 gates=watchdog name=jobs")
    #expect(worker.probe == .heartbeat(.component("worker-1.a_B")))
    #expect(worker.derivedName == "heartbeat worker-1.a_B")
    #expect(worker.name == "jobs")
    #expect(worker.interval == .seconds(30))
    #expect(worker.gates == .watchdog)
    #expect(!worker.probesPassedSocket)
    #expect(try parse("notify").probe == .heartbeat(.program))
    #expect(try parse("notify gates=ready name=main").gates == .ready)
  }

  @Test(
    "what cannot stand in a datagram's line, or on a command line, is no component",
    arguments: ["-x", ".x", "a=b", "'a b'", "ü", "a/b", String(repeating: "x", count: 65)])
  func names(text: String) throws {
    let said = try #require(self.message(text))
    #expect(said.hasPrefix("--heartbeat '\(text)': "))
  }

  @Test("a key that would do nothing is refused")
  func keys() {
    #expect(
      message("worker timeout=1s")
        == "--heartbeat 'worker timeout=1s': unknown key \"timeout\"; the keys are: name, interval, "
        + "fall, rise, gates")
    for key in ["interval=1s", "fall=2", "rise=2"] {
      #expect(
        message("notify gates=ready \(key)")?.contains("does nothing with gates=ready") == true)
      #expect(message("notify gates=both \(key)") == nil)
      #expect(message("worker gates=ready \(key)") == nil)
    }
    #expect(message("")?.contains("it names no target") == true)
    #expect(message("a b")?.contains("one target too many") == true)
  }
}
