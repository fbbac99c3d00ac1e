import Glibc
import NIOCore
import Testing

@testable import Checks

/// What real processes do with a real passed socket.
@Suite("What a program has done with its sockets") struct SocketSurveyTests {
  /// A process that gets a socket as descriptor 3, does as it is told, says so, and stays.
  private final class Program {
    let pid: pid_t

    init(_ code: String, inherits descriptor: CInt) throws {
      var ends: [CInt] = [0, 0]
      guard pipe(&ends) == 0 else { throw SystemError("pipe") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
      // dup2 onto itself would keep close-on-exec.
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 100)
      defer { close(copy) }
      posix_spawn_file_actions_adddup2(&actions, copy, 3)
      // Other tests of this process may have descriptors that are not close-on-exec.
      let whole =
        "import os, select, socket, sys, time\nos.closerange(4, 1024)\n\(code)\nprint(flush=True)\ntime.sleep(60)"
      let command = ["python3", "-c", whole]
      var arguments = command.map { strdup($0) } + [nil]
      defer { for argument in arguments { free(argument) } }
      var pid: pid_t = 0
      errno = posix_spawnp(&pid, "python3", &actions, nil, &arguments, environ)
      guard errno == 0 else { throw SystemError("python3") }
      self.pid = pid
      close(ends[1])
      defer { close(ends[0]) }
      var byte: UInt8 = 0
      guard read(ends[0], &byte, 1) == 1 else { throw SystemError("the program did not start") }
    }

    deinit {
      kill(pid, SIGKILL)
      var status: CInt = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }
  }

  /// A listening socket, and a client of it.
  private final class Listener {
    let descriptor: CInt
    private(set) var clients: [CInt] = []
    private let family: Family

    enum Family: String, CaseIterable { case ip4, ip6, path, abstract }

    init(_ family: Family) throws {
      self.family = family
      var address = Self.address(family)
      descriptor = Glibc.socket(
        CInt(address[0]), CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      guard Self.call(&address, { Glibc.bind(descriptor, $0, $1) }), listen(descriptor, 16) == 0
      else { throw SystemError("listen") }
    }

    /// As bytes of a sockaddr, whose first is the family: it is below 256.
    private static func address(_ family: Family) -> [UInt8] {
      switch family {
      case .ip4: [2, 0, 0, 0, 127, 0, 0, 1] + Array(repeating: 0, count: 8)
      case .ip6:
        [10, 0] + Array(repeating: 0, count: 6 + 15) + [1] + Array(repeating: 0, count: 4)
      case .path: [1, 0] + Array(path.utf8) + [0]
      case .abstract: [1, 0, 0] + Array(path.utf8)
      }
    }
    private static var path: String {
      "/tmp/vouch-survey-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    }

    private static func call(
      _ address: inout [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> Bool {
      address.withUnsafeBytes {
        body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) == 0
      }
    }

    func connectClient() throws {
      var bytes = [UInt8](repeating: 0, count: 128)
      var length = socklen_t(bytes.count)
      let status = bytes.withUnsafeMutableBytes {
        getsockname(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
      }
      guard status == 0 else { throw SystemError("getsockname") }
      bytes = Array(bytes.prefix(Int(length)))
      let client = Glibc.socket(
        CInt(bytes[0]), CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      clients.append(client)
      guard Self.call(&bytes, { connect(client, $0, $1) }) else { throw SystemError("connect") }
    }

    deinit {
      if family == .path {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            getsockname(descriptor, $0, &length)
          }
        }
        withUnsafeBytes(of: address.sun_path) {
          _ = unlink($0.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
      }
      for descriptor in clients + [descriptor] { close(descriptor) }
    }
  }

  private func survey(_ code: String, _ listener: Listener) throws -> SocketSurvey {
    let program = try Program(code, inherits: listener.descriptor)
    let found = try #require(
      SocketSurvey.take(
        root: program.pid, includesRoot: true, descriptors: [listener.descriptor]))
    #expect(!found.isHidden)
    #expect(found.first?.id == program.pid)
    #expect(found.first?.words.first?.hasSuffix("python3") == true)
    return found
  }

  @Test("what becomes of a passed socket", arguments: ["ip4", "ip6", "path", "abstract"])
  func passed(_ family: String) throws {
    let family = try #require(Listener.Family(rawValue: family))
    typealias Passed = SocketSurvey.Passed
    var listener = try Listener(family)
    #expect(try survey("", listener).passed == [Passed(isHeld: true)])
    #expect(try survey("os.close(3)", listener).passed == [Passed()])
    try listener.connectClient()
    #expect(try survey("", listener).passed == [Passed(isHeld: true, isWaiting: true)])
    #expect(try survey("os.close(3)", listener).passed == [Passed(isWaiting: true)])
    let epoll = "e = select.epoll(); e.register(3)"
    #expect(
      try survey(epoll, listener).passed
        == [Passed(isHeld: true, isWatched: true, isWaiting: true)])
    // Of a process that it forked, which has the descriptor under another number.
    let worker =
      "os.dup2(3, 9); os.close(3)\nif os.fork(): e = select.epoll()\nelse: time.sleep(60)"
    #expect(try survey(worker, listener).passed == [Passed(isHeld: true, isWaiting: true)])

    listener = try Listener(family)
    try listener.connectClient()
    let accept = "s = socket.socket(fileno=3); c, _ = s.accept()"
    #expect(try survey(accept, listener).passed == [Passed(isHeld: true, hasAccepted: true)])
    // Another waits behind the one that it is busy with.
    listener = try Listener(family)
    try listener.connectClient()
    try listener.connectClient()
    #expect(
      try survey(accept, listener).passed
        == [Passed(isHeld: true, hasAccepted: true, isWaiting: true)])
  }

  @Test("an epoll instance that waits for something else is not mistaken for one that waits for it")
  func otherEpoll() throws {
    let listener = try Listener(.ip4)
    let code =
      "r, w = os.pipe(); s = socket.socket(); e = select.epoll(); e.register(r); e.register(s)"
    #expect(try survey(code, listener).passed == [SocketSurvey.Passed(isHeld: true)])
  }

  @Test("where else it listens: each socket once, whatever process has it, and connected ones not")
  func own() throws {
    let listener = try Listener(.ip4)
    let name = "vouch-survey-\(getpid())"
    let code = """
      a = socket.create_server(('127.0.0.1', 0))
      b = socket.create_server(('::', 0), family=socket.AF_INET6)
      c = socket.socket(socket.AF_UNIX); c.bind(chr(0) + '\(name)'); c.listen()
      d = socket.create_connection(a.getsockname()); u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))
      n = socket.socket(); n.bind(('127.0.0.1', 0))
      if not os.fork(): time.sleep(60)
      """
    let found = try survey(code, listener)
    #expect(found.own.count == 3)
    var places: Set<String> = []
    for own in found.own {
      #expect(own.process.name == "python3")
      switch own.place {
      case .ip(let address, let port, let isV6):
        #expect(port != 0)
        #expect(address == (isV6 ? IPEndpoint.anyV6 : IPEndpoint.loopbackV4))
        places.insert(isV6 ? "v6" : "v4")
      case .unix(let bytes):
        #expect(bytes == [0] + Array(name.utf8))
        places.insert("unix")
      }
    }
    #expect(places == ["v4", "v6", "unix"])
  }

  @Test("what vouch runs beside the child is left out")
  func others() throws {
    let listener = try Listener(.ip4)
    let program = try Program(
      "a = socket.create_server(('127.0.0.1', 0))", inherits: listener.descriptor)
    let found = try #require(
      SocketSurvey.take(
        root: getpid(), others: [program.pid], descriptors: [listener.descriptor]))
    #expect(!found.own.contains { $0.process.id == program.pid })
    #expect(found.passed == [SocketSurvey.Passed()])
  }
}
