import Foundation
import Glibc
import Launch
import Testing

@testable import Adopt

/// Real programs, the real kernel.
@Suite("programs that bind for themselves", .serialized) struct SupervisorTests {
  @Test("a bind gets the passed socket, and what waits in its queue")
  func adopts() throws {
    let passed = try PassedSocket()
    let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(client) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = passed.port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0 && send(client, "early", 5, 0) == 5)
    let outcome = try Harness(passed).run(
      """
      s = socket.socket(); number = s.fileno(); s.bind(('127.0.0.1', PORT)); s.listen(5)
      c, _ = s.accept(); print(c.recv(5).decode(), s.fileno() == number, s.getsockname())
      """, passed.port)
    #expect(outcome.lines == ["early True ('127.0.0.1', \(passed.port))"])
    #expect(outcome.exit == .exited(0))
    guard case .adopted(0, .ip4(0x7F00_0001, passed.port), let process)? = outcome.reports.first
    else {
      Issue.record("\(outcome.reports)")
      return
    }
    #expect(process.name?.hasPrefix("python") == true)
    guard case .listening(0, process)? = outcome.reports.dropFirst().first else {
      Issue.record("\(outcome.reports)")
      return
    }
  }

  @Test(
    "close-on-exec and O_NONBLOCK are what they were, in each generation",
    arguments: [(false, false), (true, false), (false, true), (true, true)])
  func flags(inheritable: Bool, nonblocking: Bool) throws {
    let passed = try PassedSocket()
    let harness = try Harness(passed)
    for nonblocking in [nonblocking, !nonblocking, nonblocking] {
      let outcome = try harness.run(
        """
        s = socket.socket(); s.set_inheritable(\(inheritable ? "True" : "False"))
        s.setblocking(\(nonblocking ? "False" : "True"))
        s.bind(('127.0.0.1', PORT))
        print(s.get_inheritable(), bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK))
        """, passed.port)
      #expect(
        outcome.lines == ["\(inheritable ? "True" : "False") \(nonblocking ? "True" : "False")"])
      #expect(passed.isNonblocking == nonblocking)
    }
  }

  @Test("options that were set before bind hold, and the next generation begins afresh")
  func options() throws {
    let passed = try PassedSocket()
    // The unit's, as KeepAlive=yes would set it.
    var yes: CInt = 1
    setsockopt(passed.descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, 4)
    let receive = passed.option(SOL_SOCKET, SO_RCVBUF)
    let harness = try Harness(passed)
    let first = try harness.run(
      """
      s = socket.socket()
      s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 30000)
      s.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 7)
      s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
      s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 9))
      s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
      before = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)
      s.bind(('127.0.0.1', PORT))
      print(s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
            s.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) == before,
            s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack('ii', 1, 9),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
      s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 33)
      """, passed.port)
    #expect(first.lines == ["60000 True 1 True 1"])
    #expect(passed.option(SOL_SOCKET, SO_REUSEPORT) == 0)
    #expect(passed.option(CInt(IPPROTO_TCP), TCP_KEEPIDLE) == 33)
    let second = try harness.run(
      "s = socket.socket(); s.bind(('127.0.0.1', PORT)); print('bound')", passed.port)
    #expect(second.lines == ["bound"])
    #expect(passed.option(SOL_SOCKET, SO_RCVBUF) == receive)
    #expect(passed.option(CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT) == 0)
    #expect(passed.option(CInt(IPPROTO_TCP), TCP_NODELAY) == 0)
    #expect(passed.option(CInt(IPPROTO_TCP), TCP_KEEPIDLE) == 7200)
    #expect(passed.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
  }

  @Test("the listen queue is the longer of the two, and a shorter one never shrinks it")
  func queue() throws {
    let passed = try PassedSocket(backlog: 100)
    try #require(passed.backlog == 100)
    let harness = try Harness(passed)
    for (asked, length) in [(5, 100), (200, 200), (5, 100), (0, 100)] as [(CInt, UInt32)] {
      let outcome = try harness.run(
        "s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen(\(asked))", passed.port)
      #expect(outcome.exit == .exited(0), "\(outcome)")
      #expect(passed.backlog == length)
    }
    // The longest there may be.
    let longest = try harness.run(
      """
      import ctypes
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); print(ctypes.CDLL(None).listen(s.fileno(), -1))
      """, passed.port)
    #expect(longest.lines == ["0"])
    #expect(passed.backlog > 200)
  }

  @Test("a wildcard for both families, and an IPv4 address in IPv6's clothes, get the IPv4 socket")
  func families() throws {
    let passed = try PassedSocket(host: 0)
    let outcome = try Harness(passed).run(
      """
      for only, host in [(0, '::'), (0, '::ffff:0.0.0.0')]:
          s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
          s.bind((host, PORT)); s.listen()
          c = socket.create_connection(('127.0.0.1', PORT)); a, _ = s.accept()
          c.sendall(b'hi'); print(a.recv(2).decode())
      s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
      s.bind(('::', PORT)); print(s.getsockname()[0])
      try: socket.socket().bind(('127.0.0.1', PORT))
      except OSError as e: print(errno.errorcode[e.errno])
      """, passed.port)
    #expect(outcome.lines == ["hi", "hi", "::", "EADDRINUSE"])
    let refused = outcome.reports.filter {
      if case .refused(0, _, _, _) = $0 { true } else { false }
    }
    #expect(refused.count == 1, "\(outcome.reports)")
  }

  @Test("a socket for both families is not handed to a program that asks for IPv4 alone")
  func wrongFamily() throws {
    let passed = try PassedSocket(v6Only: false)
    let script = """
      try:
          s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
          s.bind(('0.0.0.0', PORT)); print(s.getsockname()[0])
      except OSError as e: print(errno.errorcode[e.errno])
      """
    #expect(try Harness(passed).run(script, passed.port).lines == ["EADDRINUSE"])
    var told = AdoptOptions()
    told.allowsWider = true
    #expect(try Harness(passed, options: told).run(script, passed.port).lines.count == 1)
  }

  @Test("a datagram socket, with what waits in it; the other protocol's port is its own")
  func datagrams() throws {
    let passed = try socketWithFreePort()
    let outcome = try Harness(passed).run(
      """
      socket.socket(type=socket.SOCK_DGRAM).sendto(b'early', ('127.0.0.1', PORT))
      t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      t.bind(("127.0.0.1", PORT)); t.listen()
      s = socket.socket(type=socket.SOCK_DGRAM)
      s.setsockopt(socket.IPPROTO_IP, 8, 1)
      s.bind(('127.0.0.1', PORT)); print(s.recv(5).decode(), s.getsockopt(socket.IPPROTO_IP, 8))
      """, passed.port)
    #expect(outcome.lines == ["early 1"], "\(outcome)")
    let adopted = outcome.reports.filter { if case .adopted = $0 { true } else { false } }
    #expect(adopted.count == 1)
  }

  /// A datagram socket whose port no TCP socket of this machine has, a client's included.
  private func socketWithFreePort() throws -> PassedSocket {
    while true {
      let passed = try PassedSocket(backlog: nil)
      let other = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      defer { close(other) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = passed.port.bigEndian
      let isFree = withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(other, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isFree { return passed }
    }
  }

  @Test("workers that each bind with SO_REUSEPORT all have the one socket")
  func reusePort() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      for n in range(4):
          if os.fork() == 0:
              s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
              s.bind(('127.0.0.1', PORT)); s.listen()
              sys.stdout.write(str(inode(s)) + '\\n'); sys.stdout.flush(); os._exit(0)
      for n in range(4): os.wait()
      """, passed.port)
    #expect(outcome.lines.count == 4 && Set(outcome.lines).count == 1, "\(outcome)")
    #expect(
      outcome.lines.first.flatMap { UInt64($0) } == AdoptedSocket.inode(of: passed.descriptor))
    let adopted = outcome.reports.filter { if case .adopted = $0 { true } else { false } }
    #expect(adopted.count == 1, "told once")
  }

  @Test("a bind after a fork is the child's alone, one in another thread is the process's")
  func forksAndThreads() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      s = socket.socket(); was = inode(s)
      if os.fork() == 0:
          s.bind(('127.0.0.1', PORT)); os._exit(0 if inode(s) != was else 1)
      print(os.wait()[1], inode(s) == was)
      t = threading.Thread(target=lambda: s.bind(('127.0.0.1', PORT))); t.start(); t.join()
      print(inode(s) != was, s.getsockname()[1] == PORT)
      """, passed.port)
    #expect(outcome.lines == ["0 True", "True True"], "\(outcome)")
  }

  @Test("bind, close and bind again; a second bind of the same socket is harmless")
  func again() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      for n in range(100):
          s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen(); s.close()
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.bind(('127.0.0.1', PORT)); s.listen()
      c = socket.create_connection(('127.0.0.1', PORT)); s.accept(); print('served')
      """, passed.port)
    #expect(outcome.lines == ["served"])
  }

  @Test("binds that are none of ours are as they were: results, errors, other families")
  func foreign() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      def fails(body):
          try: body(); return 'fine'
          except OSError as e: return errno.errorcode[e.errno]
      s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7); own = s.getsockname()[1]
      print(own != PORT, fails(lambda: s.bind(('127.0.0.1', 0))))
      print(fails(lambda: socket.socket().bind(('127.0.0.1', own))))
      print(fails(lambda: socket.socket().bind(('192.0.2.1', PORT))))
      print(fails(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))))
      u = socket.socket(socket.AF_UNIX); print(fails(lambda: u.bind('\\0vouch-%d' % os.getpid())))
      address = struct.pack('=HHI8x', socket.AF_INET, socket.htons(PORT), 0x0100007f)
      def raw(fd, address, length):
          return errno.errorcode[ctypes.get_errno()] if libc.bind(fd, address, length) else 'fine'
      n = socket.socket(); bad = ctypes.c_void_p(8)
      print(raw(999, address, 16), raw(0, address, 16), raw(n.fileno(), bad, 16))
      k = socket.socket(); print(raw(k.fileno(), address, 3), raw(k.fileno(), address, 500))
      print(errno.errorcode[ctypes.get_errno()] if libc.listen(999, 1) else 'fine')
      """, passed.port)
    #expect(
      outcome.lines == [
        "True EINVAL", "EADDRINUSE", "EADDRNOTAVAIL", "fine", "fine", "EBADF ENOTSOCK EFAULT",
        "EINVAL EINVAL", "EBADF",
      ], "\(outcome)")
    let adopted = outcome.reports.contains { if case .adopted = $0 { true } else { false } }
    #expect(!adopted)
  }

  @Test("a bind that no socket is passed for is told once, and as many as there is room for")
  func unmatched() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      base = 40000
      for n in list(range(60)) * 2:
          try: socket.socket().bind(('127.0.0.3', base + n))
          except OSError: pass
      for n in range(50): s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
      """, passed.port)
    let told = outcome.reports.filter { if case .unmatched = $0 { true } else { false } }
    #expect(told.count == 32)
    let listening = outcome.reports.filter {
      if case .listening(nil, _) = $0 { true } else { false }
    }
    #expect(listening.count == 32)
  }

  /// With SA_RESTART, that is. Without it a signal that arrives in the few microseconds before vouch
  /// has read the call ends it with EINTR, and there is no way around that (seccomp_unotify(2)).
  @Test("signals that arrive all the time disturb no bind")
  func signals() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import ctypes
      count = 0
      def tick(*_):
          global count; count += 1
      signal.signal(signal.SIGALRM, tick); signal.siginterrupt(signal.SIGALRM, False)
      signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
      libc = ctypes.CDLL(None, use_errno=True); bad = []
      address = struct.pack('=HHI8x', socket.AF_INET, socket.htons(PORT), 0x0100007f)
      end = time.monotonic() + 1; binds = 0
      while time.monotonic() < end:
          s = socket.socket(); binds += 1
          if libc.bind(s.fileno(), address, 16): bad.append(ctypes.get_errno())
          if libc.listen(s.fileno(), 5): bad.append(ctypes.get_errno())
          s.close()
      signal.setitimer(signal.ITIMER_REAL, 0)
      print(bad, count > 100, binds > 100)
      """, passed.port)
    #expect(outcome.lines == ["[] True True"], "\(outcome)")
  }

  @Test("processes that are killed while they bind disturb nobody, and leave nothing behind")
  func killed() throws {
    let passed = try PassedSocket()
    let harness = try Harness(passed)
    _ = try harness.run("socket.socket().bind(('127.0.0.1', PORT))", passed.port)
    let before = descriptors()
    let outcome = try harness.run(
      """
      import random
      def worker():
          while True:
              s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen(); s.close()
      for n in range(150):
          pid = os.fork()
          if pid == 0:
              if n % 3 == 0:
                  for k in range(3): threading.Thread(target=worker, daemon=True).start()
              worker()
          time.sleep(random.random() * 0.004); os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); print(s.getsockname()[1] == PORT)
      """, passed.port)
    #expect(outcome.lines == ["True"], "\(outcome)")
    // Other tests run in this process, too. Of each of the 150 one more would be left.
    #expect(descriptors() < before + 75)
  }

  private func descriptors() -> Int {
    (CInt(0)..<1024).count { fcntl($0, F_GETFD) >= 0 }
  }

  @Test("many processes that bind at once are all answered")
  func crowd() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      children = []
      for n in range(24):
          pid = os.fork()
          if pid == 0:
              for k in range(40):
                  s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen(); s.close()
              os._exit(0)
          children.append(pid)
      print(sum(os.waitpid(pid, 0)[1] for pid in children))
      """, passed.port)
    #expect(outcome.lines == ["0"])
  }

  @Test("io_uring is there, unless it is told otherwise")
  func ioUring() throws {
    let passed = try PassedSocket()
    let script = """
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      parameters = ctypes.create_string_buffer(120)
      print(libc.syscall(425, 0, parameters) , errno.errorcode[ctypes.get_errno()])
      """
    // No entries at all: EINVAL of a kernel that has it, ENOSYS or EPERM of one that does not want it.
    let plain = try Harness(passed).run(script, passed.port).lines
    var without = AdoptOptions()
    without.allowsIOUring = false
    #expect(try Harness(passed, options: without).run(script, passed.port).lines == ["-1 ENOSYS"])
    #expect(plain.first?.hasPrefix("-1 ") == true)
  }

  @Test("several sockets, each for its own port; which were taken can be told")
  func several() throws {
    let sockets = try [PassedSocket(), PassedSocket(), PassedSocket()]
    let harness = try Harness(sockets[0], sockets[1], sockets[2])
    let outcome = try harness.run(
      """
      for port in PORTS[:2]:
          s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); print(s.getsockname()[1] == port)
      """, sockets[0].port, sockets[1].port)
    #expect(outcome.lines == ["True", "True"])
    let adopted = outcome.reports.compactMap { report -> Int? in
      if case .adopted(let index, _, _) = report { index } else { nil }
    }
    #expect(adopted == [0, 1])
  }
}
