import SystemPackage
import Testing

@testable import Launch

@Suite("Arguments and environment of a launched program")
struct ArgumentTests {
  static let odd: [[UInt8]] = [
    [0xFF, 0xFE, 0x80], [], Array(" two  words ".utf8), Array("-x=$(id) `id` * \\".utf8),
    Array("line\nbreak\t\u{1b}[31m".utf8), Array(1...255),
  ]

  @Test("arguments arrive byte for byte: not UTF-8, empty, with blanks, never seen by a shell")
  func untouched() throws {
    let words = ["sh", "-c", "cat /proc/$$/cmdline; exit 0", "name"].map { Array($0.utf8) }
    let outcome = try Harness.run(Harness.request(words + Self.odd))
    #expect(outcome.output == (words + Self.odd).flatMap { $0 + [0] })
  }

  @Test("arguments arrive byte for byte through a program between")
  func untouchedThroughProbe() throws {
    let words = ["sh", "-c", "cat /proc/$$/cmdline; exit 0", "name"].map { Array($0.utf8) }
    let front = [Harness.probe, "run", "--"].map { Array($0.utf8) }
    let outcome = try Harness.run(Harness.request(front + words + Self.odd))
    #expect(outcome.output == (words + Self.odd).flatMap { $0 + [0] })
  }

  @Test("the environment arrives byte for byte and in order")
  func environment() throws {
    let entries: [[UInt8]] = [
      Array("Z=last first".utf8), [0x41, 0x3D, 0xFF, 0xC0], Array("no equals sign".utf8),
      Array("=odd".utf8), Array("A=twice".utf8), Array("EMPTY=".utf8),
    ]
    var request = try Harness.request("cat", "/proc/self/environ")
    request.environment = ChildEnvironment(entries: entries)
    #expect(try Harness.run(request).output == entries.flatMap { $0 + [0] })
  }

  @Test("an empty environment stays empty")
  func emptyEnvironment() throws {
    var request = try Harness.request("cat", "/proc/self/environ")
    request.environment = ChildEnvironment()
    #expect(try Harness.run(request).output == [])
  }

  @Test("a NUL inside an argument, a path or a variable is refused, for it would be cut off there")
  func nul() throws {
    var requests = try (0..<3).map { _ in try Harness.request("true") }
    requests[0].arguments.append([0x61, 0, 0x62])
    requests[1].paths = [[0x2F, 0]]
    requests[2].environment = ChildEnvironment(entries: [[0x61, 0x3D, 0]])
    for request in requests {
      let error = #expect(throws: LaunchError.self) { try launch(request) }
      #expect(error?.step == .request)
    }
  }

  @Test(
    "LISTEN_PID is the child's own pid, also after it executes others",
    arguments: [
      "echo $LISTEN_PID", "exec sh -c 'echo $LISTEN_PID'",
      "exec env sh -c 'exec sh -c \"exec printenv LISTEN_PID\"'",
    ])
  func listenPID(script: String) throws {
    let pipe = try OutputPipe()
    defer { pipe.close() }
    var request = try Harness.request("sh", "-c", script)
    request.descriptors = [pipe.readEnd]
    request.environment = ChildEnvironment.current.setting("LISTEN_PID", to: "1")
      .forChild(passing: 1, names: ["web"])
    let outcome = try Harness.run(request)
    #expect(outcome.lines == [outcome.process.description])
  }

  @Test("a launch leaves the request's environment as it was, so that it can be launched again")
  func listenPIDAgain() throws {
    var request = try Harness.request("printenv", "LISTEN_PID")
    request.environment = ChildEnvironment.current.forChild(passing: 1, names: nil)
    for _ in 0..<3 {
      let outcome = try Harness.run(request)
      #expect(outcome.lines == [outcome.process.description])
    }
  }
}
