import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("Descriptors")
struct DescriptorTests {
  /// Prints what a shell holds, as "NUMBER TARGET" for each, without what the lister opens.
  static let listing = "find /proc/$$/fd -type l -printf '%f %l\\n'; exit 0"

  static func target(_ descriptor: FileDescriptor) throws -> String {
    try Harness.readLink("/proc/self/fd/\(descriptor.rawValue)")
  }

  @Test("the child holds its standard streams and what was passed, and nothing else")
  func nothingElse() throws {
    // Without close-on-exec, so that only the launch keeps it from the child.
    let stray = try FileDescriptor.open("/dev/null", .readOnly)
    defer { try? stray.close() }
    let passed = try OutputPipe()
    defer { passed.close() }
    var request = try Harness.request("sh", "-c", Self.listing)
    request.standardInput = .null
    request.standardError = .null
    request.descriptors = [passed.readEnd, passed.writeEnd]
    let lines = try Harness.run(request).lines.sorted()
    #expect(lines.map { $0.prefix { $0 != " " } } == ["0", "1", "2", "3", "4"])
    #expect(lines[0] == "0 /dev/null" && lines[2] == "2 /dev/null")
    #expect(try lines[3] == "3 \(Self.target(passed.readEnd))")
    #expect(try lines[4] == "4 \(Self.target(passed.writeEnd))")
  }

  @Test(
    "passed descriptors keep their order, whatever overlap there is between sources and targets",
    arguments: [
      [3, 4, 5], [3, 5, 4], [4, 3, 5], [4, 5, 3], [5, 3, 4], [5, 4, 3],  // every order in place
      [4, 5, 6], [6, 5, 4], [5, 6, 3], [6, 3, 5],  // partly outside
      [3, 3, 3], [4, 4, 3], [5, 3, 5], [6, 6, 6],  // one descriptor twice
      [0, 1, 2], [5, 0, 3], [3], [6], [5, 4], [],  // standard streams, fewer
    ] as [[Int]])
  func order(sources: [Int]) throws {
    // The probe has the numbers 3 to 6 for itself, which this process does not.
    let pipes = try [OutputPipe(), OutputPipe()]
    defer { for pipe in pipes { pipe.close() } }
    let held = pipes.flatMap { [$0.readEnd, $0.writeEnd] }
    var request = try Harness.throughProbe(
      sources.flatMap { ["--pass", String($0)] }, "sh", "-c", Self.listing)
    request.descriptors = held
    let input = try FileDescriptor.open("/dev/zero", .readOnly, options: .closeOnExec)
    defer { try? input.close() }
    request.standardInput = .descriptor(input)
    request.standardError = .null
    let lines = try Harness.run(request).lines.sorted()

    #expect(lines.count == 3 + sources.count)
    let standard = lines.prefix(3).map { String($0.dropFirst(2)) }
    #expect(standard.first == "/dev/zero" && standard.last == "/dev/null")
    let all = try standard + held.map(Self.target)
    #expect(
      lines.dropFirst(3) == sources.enumerated().map { "\(3 + $0.offset) \(all[$0.element])" }[...])
  }

  @Test("sockets and pipes of every kind that systemd makes arrive as they are")
  func kinds() throws {
    let kinds: [(CInt, __socket_type)] = [
      (AF_INET, SOCK_STREAM), (AF_INET6, SOCK_STREAM), (AF_INET, SOCK_DGRAM),
      (AF_UNIX, SOCK_STREAM), (AF_UNIX, SOCK_DGRAM), (AF_UNIX, SOCK_SEQPACKET),
    ]
    let sockets = kinds.map { FileDescriptor(rawValue: socket($0.0, CInt($0.1.rawValue), 0)) }
    let fifo = try OutputPipe()
    let all = sockets + [fifo.readEnd]
    defer {
      for socket in sockets { try? socket.close() }
      fifo.close()
    }
    var request = try Harness.request("sh", "-c", Self.listing)
    request.descriptors = all
    let lines = try Harness.run(request).lines.sorted()
    let targets = try all.map(Self.target)
    #expect(lines.dropFirst(3) == targets.enumerated().map { "\(3 + $0) \($1)" }[...])
  }

  @Test("a hundred passed descriptors arrive in order")
  func many() throws {
    let pipes = try (0..<50).map { _ in try OutputPipe() }
    defer { for pipe in pipes { pipe.close() } }
    let all = pipes.flatMap { [$0.writeEnd, $0.readEnd] }
    var request = try Harness.request("sh", "-c", "readlink $(seq -f /proc/$$/fd/%g 3 102)")
    request.descriptors = all
    #expect(try Harness.run(request).lines == all.map(Self.target))
  }

  @Test("O_NONBLOCK is left as it was, on both sides", arguments: [true, false])
  func nonblocking(_ nonblocking: Bool) throws {
    let pipe = try OutputPipe()
    defer { pipe.close() }
    let flag = nonblocking ? O_NONBLOCK : 0
    #expect(fcntl(pipe.readEnd.rawValue, F_SETFL, flag) == 0)
    var request = try Harness.request("grep", "flags:", "/proc/self/fdinfo/3")
    request.descriptors = [pipe.readEnd]
    let line = try #require(try Harness.run(request).lines.first)
    let flags = try #require(CInt(line.dropFirst("flags:\t".count), radix: 8))
    #expect((flags & O_NONBLOCK != 0) == nonblocking)
    #expect((fcntl(pipe.readEnd.rawValue, F_GETFL) & O_NONBLOCK != 0) == nonblocking)
  }

  @Test("standard output and error go where each is told")
  func standardStreams() throws {
    let output = try OutputPipe()
    let error = try OutputPipe()
    defer {
      output.close()
      error.close()
    }
    var request = try Harness.request("sh", "-c", "echo to-out; echo to-err >&2")
    request.standardOutput = .descriptor(error.writeEnd)
    request.standardError = .descriptor(output.writeEnd)
    let process = try launch(request)
    #expect(try Harness.reap(process) == .exited(0))
    #expect(try Harness.read(output.readEnd, enough: 7) == Array("to-err\n".utf8))
    #expect(try Harness.read(error.readEnd, enough: 7) == Array("to-out\n".utf8))
  }

  @Test(
    "without close_range, and without a way to list descriptors, the others are closed all the same",
    arguments: ["close_range", "close_range getdents64"])
  func oldKernel(missing: String) throws {
    // Makes system calls answer ENOSYS by a seccomp filter, which execve keeps.
    let python = """
      import ctypes, os, platform, struct, sys
      numbers = {'close_range': 436, 'getdents64': 217 if platform.machine() == 'x86_64' else 61}
      code = [(0x20, 0, 0, 0)]
      for name in sys.argv[1].split():
          code += [(0x15, 0, 1, numbers[name]), (0x06, 0, 0, 0x00050000 | 38)]
      code += [(0x06, 0, 0, 0x7fff0000)]
      program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in code))
      class Filter(ctypes.Structure):
          _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]
      filter = Filter(len(code), ctypes.addressof(program))
      libc = ctypes.CDLL(None, use_errno=True)
      if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(filter), 0, 0):
          sys.exit(99)
      os.dup2(0, 7); os.set_inheritable(7, True)
      os.dup2(0, 300); os.set_inheritable(300, True)
      os.execv(sys.argv[2], sys.argv[2:])
      """
    let tryout = "for fd in 0 7 300; do (eval ': <&'$fd) 2>/dev/null && echo $fd; done; exit 0"
    var request = try Harness.request(
      "bash", "-c", "ulimit -n 1000; exec python3 \"$@\"", "bash", "-c", python, missing,
      Harness.probe, "run", "--", "bash", "-c", tryout)
    request.standardInput = .null
    let outcome = try Harness.run(request)
    #expect(outcome.status == .exited(0))
    #expect(outcome.lines == ["0"])
  }

  @Test("a descriptor that is not open is an error of that step, not a child without it")
  func notOpen() throws {
    var request = try Harness.request("true")
    request.descriptors = [FileDescriptor(rawValue: -1)]
    let error = #expect(throws: LaunchError.self) { try launch(request) }
    #expect(error?.step == .descriptors && error?.error == .badFileDescriptor)
  }

  @Test("descriptors that run out in the child are an error, and nothing leaks", arguments: [6, 7])
  func exhausted(limit: Int) throws {
    let pipes = try [OutputPipe(), OutputPipe()]
    defer { for pipe in pipes { pipe.close() } }
    var request = try Harness.request(Harness.probe, "starve", String(limit))
    request.descriptors = [pipes[0].readEnd, pipes[0].writeEnd, pipes[1].readEnd]
    let lines = try Harness.run(request).lines
    let inventory = "descriptors [0, 1, 2, 3, 4, 5] children false"
    #expect(lines == [inventory, "descriptors true true 70", inventory])
  }

  @Test("sockets that are in their places already need no further descriptor")
  func fullTable() throws {
    let pipe = try OutputPipe()
    defer { pipe.close() }
    // bash's builtins alone, as the limit is what the shared libraries need, and no more.
    var request = try Harness.throughProbe(
      ["--pass", "3", "--pass", "4"], "bash", "-c", "ulimit -n; exec 3<&- 4<&-")
    request.paths = [Array("/bin/bash".utf8)]
    request.arguments =
      ["bash", "-c", "ulimit -n 6; exec \"$@\"", "bash"].map { Array($0.utf8) } + request.arguments
    request.descriptors = [pipe.readEnd, pipe.writeEnd]
    let outcome = try Harness.run(request)
    #expect(outcome.status == .exited(0))
    #expect(outcome.lines == ["6"])
  }

  @Test("a thousand launches, and a thousand that fail, leave no descriptor and no child behind")
  func noGrowth() throws {
    let outcome = try Harness.run(Harness.probe, "repeat", "1000")
    #expect(outcome.status == .exited(0))
    try #require(outcome.lines.count == 3)
    #expect(outcome.lines[0] == outcome.lines[1])
    #expect(outcome.lines[1].hasSuffix("children false"))
    #expect(outcome.lines[2] == "signals as before true")
  }
}
