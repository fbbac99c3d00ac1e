import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("Launches that fail")
struct LaunchErrorTests {
  static func error(paths: [String]) throws -> LaunchError {
    var request = try Harness.request("true")
    request.paths = paths.map { Array($0.utf8) }
    return try #require(throws: LaunchError.self) { try launch(request) }
  }

  @Test("a program that is not there: 127")
  func missing() throws {
    let error = try Self.error(paths: ["/no/such/program"])
    #expect(error.exitCode == 127)
    #expect(error.description == "cannot run /no/such/program: No such file or directory")
    #expect(!error.isShortage)
  }

  @Test("a directory: 126")
  func directory() throws {
    let error = try Self.error(paths: ["/usr"])
    #expect(error.exitCode == 126)
    #expect(error.description == "cannot run /usr: Permission denied")
  }

  @Test("a file without the right to run it: 126")
  func notExecutable() throws {
    try withTemporaryDirectory { directory in
      try makeFile("\(directory)/plain", "x", mode: .init(rawValue: 0o644))
      #expect(try Self.error(paths: ["\(directory)/plain"]).exitCode == 126)
    }
  }

  @Test("a script whose interpreter is missing: 126, as shells say, and it is the reason told")
  func interpreter() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/script"
      try makeFile(path, "#!/no/such/interpreter\n", mode: .init(rawValue: 0o755))
      let error = try Self.error(paths: [path])
      #expect(error.exitCode == 126)
      #expect(error.description == "cannot run \(path): its interpreter is missing")
    }
  }

  @Test("a script without an interpreter line is not given to a shell: 126")
  func noShell() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/script"
      try makeFile(path, "echo wrong\n", mode: .init(rawValue: 0o755))
      let error = try Self.error(paths: [path])
      #expect(error.exitCode == 126)
      #expect(error.description == "cannot run \(path): Exec format error")
    }
  }

  @Test("an empty file that is executable: 126")
  func empty() throws {
    try withTemporaryDirectory { directory in
      try makeFile("\(directory)/empty", "", mode: .init(rawValue: 0o755))
      #expect(try Self.error(paths: ["\(directory)/empty"]).exitCode == 126)
    }
  }

  @Test("arguments beyond the kernel's limit: 126")
  func tooMany() throws {
    var request = try Harness.request("true")
    request.arguments = [Array("true".utf8), [UInt8](repeating: 0x78, count: 1 << 20)]
    let error = #expect(throws: LaunchError.self) { try launch(request) }
    #expect(error?.exitCode == 126)
    #expect(error?.error.rawValue == E2BIG)
  }

  @Test("the next file is tried after one that is not there or not allowed")
  func next() throws {
    var request = try Harness.request("true")
    request.paths = ["/no/such/program", "/usr", "/bin/true"].map { Array($0.utf8) }
    #expect(try Harness.reap(launch(request)) == .exited(0))
  }

  @Test("of several failures, a right that lacks is told before an absence")
  func remembered() throws {
    let error = try Self.error(paths: ["/no/such/a", "/usr", "/no/such/b"])
    #expect(error.path == Array("/usr".utf8))
    #expect(error.error == .permissionDenied)
  }

  @Test("a file of the wrong format ends the search")
  func wrongFormat() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/wrong"
      try makeFile(path, "x", mode: .init(rawValue: 0o755))
      let error = try Self.error(paths: [path, "/bin/true"])
      #expect(error.path == Array(path.utf8))
    }
  }

  @Test("a request without a program or without arguments is refused")
  func nothing() throws {
    #expect(try Self.error(paths: []).step == .request)
    var request = try Harness.request("true")
    request.arguments = []
    #expect(throws: LaunchError(step: .request, error: .invalidArgument)) { try launch(request) }
  }

  @Test("what runs short is told apart from what is wrong, and is not the program's fault")
  func shortage() {
    for error in [Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory] {
      #expect(LaunchError(step: .descriptors, error: error).isShortage)
      #expect(LaunchError(step: .cloning, error: error).exitCode == 70)
    }
    #expect(LaunchError(step: .cloning, error: Errno(rawValue: EAGAIN)).isShortage)
    #expect(!LaunchError(step: .session, error: .notPermitted).isShortage)
  }

  @Test(
    "the probe's exit status tells the difference, and nothing was started",
    arguments: [("no-such-command", 127), ("/no/such", 127), ("/usr", 126), ("", 127)])
  func throughProbe(command: String, code: Int32) throws {
    var request = try Harness.throughProbe([], command)
    request.standardError = .null
    #expect(try Harness.run(request).status == .exited(code))
  }
}
