import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite struct NotifyInboxTests {
  @Test("datagrams come with sender and descriptors, raise SIGIO, and leave nothing open")
  func receives() throws {
    let outcome = try Harness.run(Harness.probe, "notices")
    #expect(
      outcome.lines == [
        "named true, apart true",
        "empty true",
        "signals [\"SIGIO kernel\"]",
        "7 bytes, cut false, from another true",
        "empty true",
        "64 bytes, cut false, from another true",
        "64 bytes, cut true, from another true",
        "descriptors [true, true, true]", "closed true",
        "descriptors [true, true, true]", "closed true",
        "reaped true",
        "lost true, whole true", "known true", "unknown true",
      ])
  }
}

@Suite struct SenderKinshipTests {
  @Test("this process is a stranger to itself, and so is the first process of all")
  func strangers() {
    #expect(Kinship.line(of: 1) == .stranger)
    #expect(Kinship.line(of: getppid()) == .stranger)
    #expect(Kinship.line(of: 4_194_305) == .gone, "above the highest pid (pid_max)")
  }

  @Test("a child and its children are family, also those of a strange name")
  func family() throws {
    let script = """
      import ctypes, os, time
      ctypes.CDLL(None).prctl(15, b") R 1 (", 0, 0, 0)
      print(os.getpid(), flush=True)
      time.sleep(60)
      """
    let pipe = try FileDescriptor.pipe()
    defer {
      try? pipe.readEnd.close()
    }
    var request = LaunchRequest(
      paths: [Array("/bin/sh".utf8)],
      arguments: ["sh", "-c", "python3 -c '\(script)'; true"].map { Array($0.utf8) },
      environment: .current, signals: .capture())
    request.standardOutput = .descriptor(pipe.writeEnd)
    let child = try launch(request)
    try pipe.writeEnd.close()
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = try buffer.withUnsafeMutableBytes { try pipe.readEnd.read(into: $0) }
    let text = String(decoding: buffer[..<count], as: UTF8.self)
    let grandchild = try #require(pid_t(text.prefix { $0 != "\n" }))
    #expect(grandchild != child.rawValue)
    #expect(Kinship.line(of: child.rawValue) == .family(of: child))
    #expect(Kinship.line(of: grandchild) == .family(of: child))
    kill(grandchild, SIGKILL)
    kill(child.rawValue, SIGKILL)
    var status: Int32 = 0
    waitpid(child.rawValue, &status, 0)
  }
}
