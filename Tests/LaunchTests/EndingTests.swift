import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("How programs end, and ending like them")
struct EndingTests {
  /// The signals that end a process by default (signal(7)).
  static let deadly = (CInt(1)...64).filter {
    ![SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].contains($0)
  }

  @Test("every exit code is reported, and handed on by one who ends alike")
  func exitCodes() throws {
    for code in Int32(0)...255 {
      let status = try Harness.reap(launch(Harness.request("sh", "-c", "exit \(code)")))
      #expect(status == .exited(code))
      let alike = try Harness.reap(launch(Harness.request(Harness.probe, "end", "exit", "\(code)")))
      #expect(alike == .exited(code))
    }
  }

  @Test("every deadly signal is reported")
  func signals() throws {
    for number in Self.deadly {
      let request = try Harness.request("sh", "-c", "ulimit -c 0; kill -\(number) $$")
      let signal = try #require(Signal(rawValue: number))
      #expect(try Harness.reap(launch(request)) == .signaled(signal, coreDumped: false))
    }
  }

  @Test("one who ends alike dies by the same signal, blocked or ignored before, and dumps no core")
  func endsAlike() throws {
    try withTemporaryDirectory { directory in
      for number in Self.deadly {
        let request = try Harness.request(
          "sh", "-c", "cd \"$1\" && exec \"$0\" end signal \(number)", Harness.probe, directory)
        let signal = try #require(Signal(rawValue: number))
        #expect(try Harness.reap(launch(request)) == .signaled(signal, coreDumped: false))
      }
      #expect(try Harness.run("ls", "-A", directory).lines == [])
    }
  }

  @Test(
    "a program's death is passed on through one between", arguments: [SIGTERM, SIGKILL, SIGSEGV])
  func throughProbe(number: CInt) throws {
    let request = try Harness.throughProbe([], "sh", "-c", "ulimit -c 0; kill -\(number) $$")
    let signal = try #require(Signal(rawValue: number))
    #expect(try Harness.run(request).status == .signaled(signal, coreDumped: false))
  }

  @Test("a signal sent to one between reaches the program")
  func forwarded() throws {
    let pipe = try OutputPipe()
    defer { pipe.close() }
    var request = try Harness.throughProbe(
      [], "sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do read x; done")
    request.standardInput = .descriptor(pipe.readEnd)
    let output = try OutputPipe()
    request.standardOutput = .descriptor(output.writeEnd)
    let process = try launch(request)
    #expect(try Harness.read(output.readEnd, enough: 6) == Array("ready\n".utf8))
    output.close()
    try process.send(.user1)
    #expect(try Harness.reap(process) == .exited(9))
  }

  @Test("the first process of a pid namespace, safe from its signals, exits with 128 + the signal")
  func firstProcess() throws {
    let first = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    func end(_ words: String...) throws -> ExitStatus {
      try Harness.run(Harness.request((first + words).map { Array($0.utf8) })).status
    }
    guard try end("true") == .exited(0) else {
      return  // This machine lets nobody make a user namespace.
    }
    #expect(try end(Harness.probe, "end", "signal", "15") == .exited(143))
    #expect(try end(Harness.probe, "end", "signal", "9") == .exited(137))
    #expect(try end(Harness.probe, "run", "--", "sh", "-c", "kill -HUP $$") == .exited(129))
  }

  @Test("an ending is told in words")
  func descriptions() {
    #expect(ExitStatus.exited(3).description == "exited with status 3")
    #expect(
      ExitStatus.signaled(.terminate, coreDumped: false).description == "was killed by SIGTERM")
    #expect(
      ExitStatus.signaled(.segmentationFault, coreDumped: true).description
        == "was killed by SIGSEGV (core dumped)")
  }

  @Test("a wait status with the core flag is read as such")
  func coreFlag() {
    #expect(ExitStatus(waitStatus: 0x8B) == .signaled(.segmentationFault, coreDumped: true))
    #expect(ExitStatus(waitStatus: 0x0F) == .signaled(.terminate, coreDumped: false))
    #expect(ExitStatus(waitStatus: 0xFF00) == .exited(255))
  }
}
