import Testing

@testable import Launch

@Suite("Standard streams")
struct StandardStreamTests {
  @Test(
    "what is missing of 0, 1 and 2 is filled, so that no other descriptor gets the number",
    arguments: ["<&-", ">&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-", ""])
  func gaps(closing: String) throws {
    let outcome = try Harness.run("sh", "-c", "exec \"$0\" gaps \(closing)", Harness.probe)
    #expect(outcome.status == .exited(3))
  }

  @Test("a stream can be /dev/null, for reading and for writing")
  func null() throws {
    var request = try Harness.request("sh", "-c", "cat && echo lost >&2 && readlink /proc/$$/fd/2")
    request.standardInput = .null
    request.standardError = .null
    #expect(try Harness.run(request).lines == ["/dev/null"])
  }

  @Test("standard error can be the same as standard output")
  func together() throws {
    let output = try OutputPipe()
    defer { try? output.readEnd.close() }
    var request = try Harness.request("sh", "-c", "echo a; echo b >&2")
    request.standardOutput = .descriptor(output.writeEnd)
    request.standardError = .descriptor(output.writeEnd)
    let process = try launch(request)
    try output.writeEnd.close()
    #expect(try Harness.read(output.readEnd) == Array("a\nb\n".utf8))
    #expect(try Harness.reap(process) == .exited(0))
  }
}
