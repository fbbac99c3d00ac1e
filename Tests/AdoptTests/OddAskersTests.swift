import Glibc
import Launch
import Testing

@testable import Adopt

/// Processes that ask in unusual ways, and must be answered like all others.
@Suite("programs that bind in unusual ways", .serialized) struct OddAskersTests {
  @Test("a thread whose process's first thread has ended")
  func withoutLeader() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import ctypes
      main = threading.get_native_id()
      def later():
          while open('/proc/self/task/%d/stat' % main).read().split(') ')[1][0] != 'Z': time.sleep(0.01)
          s = socket.socket()
          try: s.bind(('127.0.0.1', PORT)); s.listen(); print(s.getsockname()[1] == PORT, flush=True)
          except OSError as e: print(e, flush=True)
          os._exit(0)
      threading.Thread(target=later, daemon=True).start()
      ctypes.CDLL(None).pthread_exit(0)
      """, passed.port)
    #expect(outcome.lines == ["True"], "\(outcome)")
  }

  @Test("a thread with a descriptor table of its own")
  func ownDescriptors() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import ctypes
      def own():
          if ctypes.CDLL(None).unshare(0x400): os._exit(1)  # CLONE_FILES
          s = socket.socket()
          try: s.bind(('127.0.0.1', PORT)); s.listen(); print(s.getsockname()[1] == PORT)
          except OSError as e: print(e)
      t = threading.Thread(target=own); t.start(); t.join()
      """, passed.port)
    #expect(outcome.lines == ["True"], "\(outcome)")
  }

  @Test("one that closes the socket and has it again registers it with epoll anew")
  func listensAgain() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import select
      e = select.epoll(); numbers = set()
      for n in range(3):
          s = socket.socket()
          # Before bind and after it.
          if n == 2: e.register(s, select.EPOLLIN)
          s.bind(('127.0.0.1', PORT)); s.listen(); numbers.add(s.fileno())
          if n < 2: e.register(s, select.EPOLLIN)
          c = socket.create_connection(('127.0.0.1', PORT))
          print(e.poll(5) == [(s.fileno(), select.EPOLLIN)])
          a, _ = s.accept(); s.close(); a.close(); c.close()
      print(len(numbers))
      """, passed.port)
    #expect(outcome.lines == ["True", "True", "True", "1"], "\(outcome)")
  }

  @Test("what bind(2) refuses, it refuses for a passed address, too; what it takes, it takes")
  func kernelsErrors() throws {
    let passed = try PassedSocket(host: 0)
    let outcome = try Harness(passed).run(
      """
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      def bind(s, address):
          failed = libc.bind(s.fileno(), address, len(address))
          return errno.errorcode[ctypes.get_errno()] if failed else s.getsockname()[1] == PORT
      ip4 = struct.pack('=HHI8x', socket.AF_INET, socket.htons(PORT), 0)
      ip6 = struct.pack('=HHI16xI', socket.AF_INET6, socket.htons(PORT), 0, 0)
      print(bind(socket.socket(socket.AF_INET6), ip6[:16]), bind(socket.socket(socket.AF_INET6), ip4 + bytes(12)))
      print(bind(socket.socket(), ip6))
      bound = socket.socket(); bound.bind(('127.0.0.1', 0)); print(bind(bound, ip4))
      # A wildcard that is not given a family.
      print(bind(socket.socket(), bytes(2) + ip4[2:]))
      print(bind(socket.socket(socket.AF_INET6), bytes(2) + ip4[2:] + bytes(12)))
      """, passed.port)
    #expect(
      outcome.lines == ["EINVAL EAFNOSUPPORT", "EAFNOSUPPORT", "EINVAL", "True", "EAFNOSUPPORT"],
      "\(outcome)")
  }

  @Test("a refusal is told, however many other binds there were")
  func refusedLate() throws {
    let passed = try PassedSocket(host: 0)
    let outcome = try Harness(passed).run(
      """
      for n in range(40): socket.socket().bind(('127.0.0.4', 40100 + n))
      try: socket.socket().bind(('127.0.0.1', PORT))
      except OSError as e: print(errno.errorcode[e.errno])
      """, passed.port)
    #expect(outcome.lines == ["EADDRINUSE"])
    let refused = outcome.reports.filter { if case .refused = $0 { true } else { false } }
    #expect(refused.count == 1, "\(outcome.reports)")
  }
}
