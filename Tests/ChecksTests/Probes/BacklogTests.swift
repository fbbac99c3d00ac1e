import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("The listen queue as a check")
  struct BacklogTests {
    /// A listening socket that nobody accepts from, and clients that wait in its queue.
    private final class Queue {
      let server: NastyServer
      private var clients: [CInt] = []
      private let path: String?

      init(unix: Bool, backlog: CInt) throws {
        path = unix ? socketPath() : nil
        server = try NastyServer(path.map { .unix($0) } ?? .v4, backlog: backlog, behave: nil)
      }

      var target: String { path.map { "unix:\($0)" } ?? ":\(server.port)" }

      func fill(to count: Int) throws {
        while clients.count < count {
          if let path {
            clients.append(try UnixAddress(path: path).connect().get())
          } else {
            let client = connectingSocket(to: server.port)
            var entry = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 10_000) == 1 else { throw SystemError("poll") }
            clients.append(client)
          }
        }
      }

      deinit {
        for client in clients { close(client) }
        server.stop()
        if let path { unlink(path) }
      }
    }

    @Test("it fails while the queue is fuller than max=", arguments: [false, true])
    func fills(unix: Bool) async throws {
      let queue = try Queue(unix: unix, backlog: 10)
      let most = try await Prober(.backlog, "\(queue.target) max=60%")
      let count = try await Prober(.backlog, "\(queue.target) max=3")
      #expect(await most.run() == .passed("listen queue 0 of 10"))
      try queue.fill(to: 3)
      #expect(await count.run() == .passed("listen queue 3 of 10"))
      try queue.fill(to: 6)
      #expect(await most.run() == .passed("listen queue 6 of 10"))
      #expect(await count.run() == .failed("listen queue 6 of 10, at most 3"))
      try queue.fill(to: 7)
      #expect(await most.run() == .failed("listen queue 7 of 10 (70 %), at most 60 %"))
    }

    @Test("a passed socket is measured as well", arguments: [false, true])
    func passed(unix: Bool) async throws {
      let queue = try Queue(unix: unix, backlog: 4)
      let listener = try #require(
        ListenerAddress(name: "web", descriptor: queue.server.descriptor))
      let prober = try await Prober(.backlog, "@web", [listener], childOf: getpid())
      #expect(await prober.run() == .passed("listen queue 0 of 4"))
      try queue.fill(to: 4)
      #expect(await prober.run() == .failed("listen queue 4 of 4 (100 %), at most 80 %"))
    }

    @Test("where nobody listens it fails, and says so")
    func nobody() async throws {
      let closed = try NastyServer(behave: nil)
      closed.stop()
      let result = try await probe(.backlog, ":\(closed.port)")
      #expect(result == .failed("nobody listens on port \(closed.port)"))
      let path = socketPath()
      #expect(try await probe(.backlog, "unix:\(path)") == .failed("nobody listens on \(path)"))
    }

    @Test("a stranger's queue is not the child's")
    func stranger() async throws {
      let stranger = try ServerProcess("127.0.0.1:0")
      let child = try ServerProcess("127.0.0.1:0")
      defer {
        stranger.stop()
        child.stop()
      }
      let own = try await Prober(.backlog, ":\(child.port)", childOf: child.pid)
      #expect(await own.run() == .passed("listen queue 0 of 64"))
      let other = try await Prober(.backlog, ":\(stranger.port)", childOf: child.pid)
      #expect(await other.run() == .failed("listened on by \(stranger.words)"))
    }

    @Test("of several sockets the fullest counts")
    func fullest() async throws {
      let v4 = try NastyServer(.v4, backlog: 4, behave: nil)
      let v6 = try NastyServer(.v6, port: v4.port, backlog: 4, behave: nil)
      defer {
        v4.stop()
        v6.stop()
      }
      let client = connectingSocket(to: v4.port)
      defer { close(client) }
      let prober = try await Prober(.backlog, ":\(v4.port) max=0")
      #expect(await prober.run() == .failed("listen queue 1 of 4, at most 0"))
    }

    @Test("its SPEC: the target of tcp, and max=")
    func grammar() throws {
      func limit(_ text: String) throws -> BacklogSpec.Limit? {
        guard case .backlog(let spec) = try CheckSpec.parse(kind: .backlog, text: text).probe else {
          return nil
        }
        return spec.limit
      }
      #expect(try limit(":80") == .percent(80))
      #expect(try limit("@web max=55%") == .percent(55))
      #expect(try limit("unix:/run/a.sock max=100") == .count(100))
      for wrong in ["0%", "101%", "-1", "80 %", "", "%", "many"] {
        #expect(throws: SpecError.self) { try limit(":80 'max=\(wrong)'") }
      }
      #expect(throws: SpecError.self) { try limit("example.org:80") }
      #expect(try CheckSpec.parse(kind: .backlog, text: ":80").defaultGates == .watchdog)
      #expect(try CheckSpec.parse(kind: .tcp, text: ":80").defaultGates == .both)
    }

    @Test("peer= is child or any, for what connects")
    func peer() throws {
      for kind in [CheckSpec.Kind.http, .tcp, .backlog] {
        #expect(try CheckSpec.parse(kind: kind, text: ":80").peer == .child)
        #expect(try CheckSpec.parse(kind: kind, text: ":80 peer=any").peer == .any)
        #expect(throws: SpecError.self) { try CheckSpec.parse(kind: kind, text: ":80 peer=all") }
      }
      #expect(throws: SpecError.self) { try CheckSpec.parse(kind: .exec, text: "peer=any true") }
    }
  }
}
