import Foundation
import Glibc
import Launch
import Testing

@testable import Adopt

/// What programs do away with, and what stays of it.
@Suite("passed sockets outlive what programs do to them", .serialized) struct KeptTests {
  @Test("shutdown of a socket that does not block is answered as done, and it listens on")
  func shutDown() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      s = socket.socket(); s.setblocking(False); s.bind(('127.0.0.1', PORT)); s.listen()
      for how in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR): s.shutdown(how)
      c = socket.create_connection(('127.0.0.1', PORT)); c.send(b'x')
      s.setblocking(True); a, _ = s.accept(); print(a.recv(1))
      """, passed.port)
    #expect(outcome.lines == ["b'x'"])
    #expect(
      outcome.reports.filter { if case .kept(0, .listening, _) = $0 { true } else { false } }.count
        == 1)
  }

  @Test("whoever waits in accept, or calls it next, learns of a shutdown; the queue goes on")
  func blocking() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen()
      seen = []
      def serve():
        try: s.accept()
        except OSError as error: seen.append(errno.errorcode[error.errno])
      threads = [threading.Thread(target=serve) for _ in range(5)]
      for thread in threads: thread.start()
      time.sleep(0.2); s.shutdown(socket.SHUT_RDWR)
      for thread in threads: thread.join(10)
      print(seen)
      serve(); print(seen[-1])
      s.close(); socket.create_connection(('127.0.0.1', PORT))
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.accept(); print('accepted')
      """, passed.port)
    #expect(
      outcome.lines
        == ["['EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL']", "EINVAL", "accepted"])
  }

  @Test("other sockets are shut down as ever")
  func otherShutdowns() throws {
    let passed = try PassedSocket()
    let outcome = try Harness(passed).run(
      """
      s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen()
      c = socket.create_connection(('127.0.0.1', PORT)); a, _ = s.accept()
      a.shutdown(socket.SHUT_WR); print(c.recv(1)); c.shutdown(socket.SHUT_RDWR); print(a.recv(1))
      other = socket.socket(); other.bind(('127.0.0.1', 0)); other.listen()
      where = other.getsockname(); other.shutdown(socket.SHUT_RD)
      try: socket.create_connection(where)
      except OSError as error: print(errno.errorcode[error.errno])
      try: socket.socket().shutdown(socket.SHUT_RDWR)
      except OSError as error: print(errno.errorcode[error.errno])
      """, passed.port)
    #expect(outcome.lines == ["b''", "b''", "ECONNREFUSED", "ENOTCONN"])
    #expect(!outcome.reports.contains { if case .kept = $0 { true } else { false } })
  }

  @Test("a path that was removed before is told of")
  func removedBefore() throws {
    let place = try PassedPath()
    let script = """
      s = socket.socket(socket.AF_UNIX); s.bind('\(place.folder)/app.sock'); s.listen(); print('bound')
      """
    func told(_ outcome: Outcome) -> Int {
      outcome.reports.filter { if case .pathless(0, _) = $0 { true } else { false } }.count
    }
    let harness = try Harness(place)
    #expect(told(try harness.run(script)) == 0)
    try #require(unlink(place.folder + "/app.sock") == 0)
    let outcome = try harness.run(script)
    #expect(outcome.lines == ["bound"])
    #expect(told(outcome) == 1)
  }

  @Test("a path that is removed, in whatever words, is there for the bind and the next client")
  func removals() throws {
    let place = try PassedPath()
    let outcome = try Harness(place).run(
      """
      home = '\(place.folder)'; path = home + '/app.sock'
      os.symlink(home, home + '/link')
      os.unlink(path); os.unlink(home + '/link/app.sock'); os.unlink('//tmp/../' + path)
      os.chdir(home); os.unlink('app.sock'); os.unlink('./app.sock')
      folder = os.open(home, os.O_RDONLY); os.chdir('/'); os.unlink('app.sock', dir_fd=folder)
      print(os.path.exists(path))
      s = socket.socket(socket.AF_UNIX); os.chdir(home); s.bind('link/app.sock'); s.listen(1)
      c = socket.socket(socket.AF_UNIX); c.connect(path); s.accept(); print(s.getsockname() == path)
      s.close(); os.unlink(path); c.close()
      os.chroot(home); os.unlink('/app.sock'); print(os.path.exists('/app.sock'))
      s = socket.socket(socket.AF_UNIX); s.bind('/app.sock'); print(s.getsockname() == path)
      """)
    #expect(
      outcome.lines == ["True", "True", "True", "True"], "\(outcome.output) \(outcome.reports)")
    #expect(outcome.exit == .exited(0))
  }

  @Test("what is not the path is removed as ever")
  func otherRemovals() throws {
    let place = try PassedPath()
    let outcome = try Harness(place).run(
      """
      def why(body):
        try: body(); return 'done'
        except OSError as error: return errno.errorcode[error.errno]
      os.chdir('\(place.folder)'); os.mkdir('below')
      for name in ('other', 'below/app.sock'):
        open(name, 'w').close(); os.unlink(name); print(os.path.exists(name))
      # A link of the name to it is not it.
      os.symlink('../app.sock', 'below/app.sock'); os.unlink('below/app.sock')
      print(os.path.lexists('below/app.sock'), os.path.exists('app.sock'))
      print(why(lambda: os.unlink('none/app.sock')), why(lambda: os.unlink('below')))
      os.rmdir('below'); print(os.path.exists('below'))
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      print(libc.unlink(ctypes.c_void_p(8)), errno.errorcode[ctypes.get_errno()])
      """)
    #expect(
      outcome.lines == [
        "False", "False", "False True", "ENOENT EISDIR", "False", "-1 EFAULT",
      ], "\(outcome.output)")
  }

  @Test("no other file takes the path's place; other renames are as ever")
  func renames() throws {
    let place = try PassedPath()
    let outcome = try Harness(place).run(
      """
      def why(body):
        try: body(); return 'done'
        except OSError as error: return errno.errorcode[error.errno]
      os.chdir('\(place.folder)'); folder = os.open('.', os.O_RDONLY)
      s = socket.socket(socket.AF_UNIX); s.bind('app.sock.1'); s.listen()
      print(why(lambda: os.rename('app.sock.1', '\(place.path)')))
      print(why(lambda: os.rename('app.sock.1', 'app.sock', src_dir_fd=folder, dst_dir_fd=folder)))
      print(why(lambda: os.rename('app.sock', 'old')))
      print(why(lambda: os.rename('app.sock.1', 'app.sock.2')), os.path.exists('app.sock.2'))
      print(why(lambda: os.rename('none', 'app.sock.2')))
      c = socket.socket(socket.AF_UNIX); c.connect('app.sock'); s.setblocking(False)
      print(why(s.accept))
      """)
    #expect(
      outcome.lines == ["EBUSY", "EBUSY", "EBUSY", "done True", "ENOENT", "EAGAIN"],
      "\(outcome.output)")
    let refusals = outcome.reports.filter {
      if case .refused(0, _, let reason, _) = $0 { reason.contains("--pass argv") } else { false }
    }
    #expect(refusals.count == 1)
  }

  @Test("the queue of a Unix socket is not shrunk either")
  func queue() throws {
    let place = try PassedPath(backlog: 100)
    let outcome = try Harness(place).run(
      """
      s = socket.socket(socket.AF_UNIX); s.bind('\(place.path)'); s.listen(2)
      clients = [socket.socket(socket.AF_UNIX) for _ in range(50)]
      for c in clients: c.setblocking(False); c.connect('\(place.path)')
      print('all')
      """)
    #expect(outcome.lines == ["all"], "\(outcome.output)")
  }
}

/// A Unix socket as systemd would pass it, in a folder of its own.
private final class PassedPath: Sendable {
  let descriptor: CInt
  let folder: String
  var path: String { folder + "/app.sock" }

  init(backlog: CInt = 128) throws {
    folder =
      FileManager.default.temporaryDirectory.appending(path: "vouch-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array((folder + "/app.sock").utf8)
    try #require(bytes.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = descriptor
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
    let bound = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(bound == 0 && listen(descriptor, backlog) == 0)
  }

  deinit {
    close(descriptor)
    try? FileManager.default.removeItem(atPath: folder)
  }
}

extension Harness {
  fileprivate init(_ path: PassedPath) throws {
    adoption = try Adoption([(path.descriptor, "socket0")])
  }

  fileprivate func run(_ script: String) throws -> Outcome { try start(script, [0]).end() }
}
