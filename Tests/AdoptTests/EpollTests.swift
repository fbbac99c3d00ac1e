import Foundation
import Glibc
import Launch
import Testing

@testable import Adopt

/// Registrations with epoll belong to the open file description, which adoption changes.
@Suite("epoll and adopted sockets", .serialized) struct EpollTests {
  @Test("a socket that was registered before bind hears of connections, under its own number")
  func registeredBefore() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import select
      e = select.epoll()
      # The number is one that vouch itself has in use, and one that it has not.
      for place in (4, 200):
        number = socket.socket().detach()
        if number != place: os.dup2(number, place); os.close(number)
        s = socket.socket(fileno=place)
        e.register(s, select.EPOLLIN)
        s.bind(('127.0.0.1', PORT)); s.listen()
        c = socket.create_connection(('127.0.0.1', PORT))
        print(e.poll(5) == [(place, select.EPOLLIN)])
        a, _ = s.accept(); print(e.poll(0))
        e.modify(s, 0); d = socket.create_connection(('127.0.0.1', PORT)); print(e.poll(0.05))
        s.accept(); e.unregister(s); s.close(); c.close(); d.close(); a.close()
      """, passed.port)
    #expect(outcome.lines == ["True", "[]", "[]", "True", "[]", "[]"])
    #expect(outcome.exit == .exited(0))
  }

  @Test("a socket that was registered after bind is left alone")
  func registeredAfter() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      import select
      e = select.epoll(); other = socket.socket(); e.register(other, select.EPOLLIN)
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen(); e.register(s, select.EPOLLIN)
      c = socket.create_connection(('127.0.0.1', PORT))
      print((s.fileno(), select.EPOLLIN) in e.poll(5))
      """, passed.port)
    #expect(outcome.lines == ["True"])
  }

  @Test(
    "a process that closes the socket and goes on can be freed of it; one that uses it keeps it")
  func leftovers() throws {
    let passed = try PassedSocket()
    let harness = try Harness(passed)
    let mark = FileManager.default.temporaryDirectory.appending(path: "vouch-\(UUID().uuidString)")
      .path()
    defer { unlink(mark) }
    let running = try harness.start(
      """
      import select
      def listener():
        s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen()
        e = select.epoll(); e.register(s, select.EPOLLIN)
        return s, e
      def serve(e):
        heard = e.poll(10) != []; time.sleep(1)
        # In one piece, whatever Python's buffers are set to: there are two of these at once.
        os.write(1, f'{heard} {e.poll(0) != []}\\n'.encode()); os._exit(0)
      # One like the others, whose number is closed by now: it has the socket under another.
      if os.fork() == 0:
        kept, e = listener(); same = kept.dup(); kept.close(); serve(e)
      # One that shares this one's epoll instance.
      shared, common = listener()
      if os.fork() == 0: serve(common)
      shared.close()
      s, e = listener()
      number = s.fileno(); s.close()
      # Somebody else's by now.
      third = socket.socket(); assert third.fileno() == number
      c = socket.create_connection(('127.0.0.1', PORT))
      print(e.poll(5) != [], flush=True); open('\(mark)', 'w').close()
      end = time.monotonic() + 20
      while e.poll(0) and time.monotonic() < end: time.sleep(0.01)
      print(e.poll(0), flush=True); os.wait(); os.wait()
      """, [passed.port])
    for _ in 0..<3000 where access(mark, F_OK) != 0 { usleep(10_000) }
    var dropped = 0
    for _ in 0..<1000 where dropped == 0 {
      dropped = harness.adoption.dropLeftovers(below: getpid())
      usleep(10_000)
    }
    #expect(dropped == 1)
    let outcome = try running.end()
    #expect(outcome.lines == ["True", "[]", "True True", "True True"], "\(outcome.output)")
    #expect(harness.adoption.dropLeftovers(below: getpid()) == 0)
  }
}
