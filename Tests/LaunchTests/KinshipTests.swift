import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("Sessions, process groups, and dying with the parent")
struct KinshipTests {
  /// pid, parent, group and session of a shell, and the foreground group of its terminal. Its name
  /// holds no blank, so fields can be told by blanks (proc(5)).
  static let kinship = "exec cut -d ' ' -f 1,4,5,6,8 /proc/self/stat"

  static func kinship(_ session: LaunchRequest.Session) throws -> (Outcome, [pid_t]) {
    var request = try Harness.request("sh", "-c", kinship)
    request.session = session
    let outcome = try Harness.run(request)
    return (outcome, outcome.text.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) })
  }

  @Test("a child stays in its parent's group and session")
  func inherited() throws {
    let (_, fields) = try Self.kinship(.inherited)
    #expect(fields[1...3] == [getpid(), getpgrp(), getsid(0)])
  }

  @Test("a child can have a session of its own")
  func newSession() throws {
    let (outcome, fields) = try Self.kinship(.newSession)
    let pid = outcome.process.rawValue
    #expect(fields[0...3] == [pid, getpid(), pid, pid])
  }

  @Test("a child can have a process group of its own in the same session")
  func newGroup() throws {
    let (outcome, fields) = try Self.kinship(.newGroup(terminal: nil))
    let pid = outcome.process.rawValue
    #expect(fields[0...3] == [pid, getpid(), pid, getsid(0)])
  }

  @Test("a group is killed as a whole")
  func killGroup() throws {
    let output = try OutputPipe()
    defer { try? output.readEnd.close() }
    var request = try Harness.request("sh", "-c", "sleep 1000 & echo up; wait")
    request.session = .newGroup(terminal: nil)
    request.standardOutput = .descriptor(output.writeEnd)
    let process = try launch(request)
    try output.writeEnd.close()
    #expect(try Harness.read(output.readEnd, enough: 3) == Array("up\n".utf8))
    try process.sendToGroup(.kill)
    // The end of file comes when the last of the group has let go of the pipe.
    #expect(try Harness.read(output.readEnd) == [])
    #expect(try Harness.reap(process) == .signaled(.kill, coreDumped: false))
  }

  @Test("a group that is gone cannot be signalled")
  func goneGroup() throws {
    var request = try Harness.request("true")
    request.session = .newGroup(terminal: nil)
    let process = try launch(request)
    #expect(try Harness.reap(process) == .exited(0))
    #expect(throws: Errno.noSuchProcess) { try process.sendToGroup(.kill) }
  }

  /// Runs a script on a terminal of its own, as the leader of its session.
  static func onTerminal(_ script: String, _ arguments: String...) throws -> [String] {
    let words =
      ["python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)", "sh", "-c"]
      + [script, Harness.probe] + arguments
    var request = try Harness.request(words.map { Array($0.utf8) })
    request.standardInput = .null
    return try Harness.run(request).text.split(whereSeparator: \.isNewline).map(String.init)
  }

  @Test("a job on a terminal gets its foreground")
  func foreground() throws {
    let line = try #require(
      try Self.onTerminal("\"$0\" run --job -- sh -c \"$1\"", Self.kinship).last)
    let fields = line.split(separator: " ").compactMap { pid_t($0) }
    #expect(fields[0] == fields[2])
    #expect(fields[2] == fields[4])
    #expect(fields[0] != fields[3])
  }

  @Test("a job that cannot be run gives the foreground back")
  func foregroundGivenBack() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/script"
      try makeFile(path, "#!/no/such/interpreter\n", mode: .init(rawValue: 0o755))
      let lines = try Self.onTerminal("\"$0\" run --job -- \"$1\"; \(Self.kinship)", path)
      #expect(lines.first?.contains("its interpreter is missing") == true)
      let fields = try #require(lines.last).split(separator: " ").compactMap { pid_t($0) }
      #expect(fields[2] == fields[4])
    }
  }

  @Test("a job in the background does not take the foreground")
  func background() throws {
    // A job of its own for the probe, which the shell does not put into the foreground.
    let line = try #require(
      try Self.onTerminal(
        "python3 -c \"$2\" \"$0\" run --job -- sh -c \"$1\"", Self.kinship,
        "import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])"
      ).last)
    let fields = line.split(separator: " ").compactMap { pid_t($0) }
    #expect(fields[0] == fields[2])
    #expect(fields[2] != fields[4])
  }

  @Test("a child that is tied to its parent dies with it, however its parent dies")
  func dieWithParent() throws {
    let output = try OutputPipe()
    defer { try? output.readEnd.close() }
    var request = try Harness.throughProbe(
      ["--die-with-parent"], "sh", "-c", "trap '' HUP INT TERM; echo $$; exec sleep 1000")
    request.standardOutput = .descriptor(output.writeEnd)
    let process = try launch(request)
    try output.writeEnd.close()
    let line = String(decoding: try Harness.read(output.readEnd, enough: 2), as: UTF8.self)
    let child = ProcessID(rawValue: try #require(pid_t(line.dropLast())))
    try process.send(.kill)
    #expect(try Harness.reap(process) == .signaled(.kill, coreDumped: false))
    do {
      // The child alone still holds the pipe; its death is the end of file.
      #expect(try Harness.read(output.readEnd) == [])
    } catch {
      try? child.send(.kill)
      throw error
    }
  }
}
