import Testing

@testable import Launch

@Suite("Reaping")
struct ReaperTests {
  @Test("orphans are adopted and reaped beside the child, and nobody is left")
  func orphans() throws {
    let outcome = try Harness.run(Harness.probe, "orphans")
    #expect(
      outcome.lines.prefix(3) == [
        "exited with status 3", "exited with status 7", "was killed by SIGKILL",
      ])
    #expect(outcome.lines.last?.hasSuffix("children false") == true)
  }
}
