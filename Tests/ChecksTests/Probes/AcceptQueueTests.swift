import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("A connection to a passed socket counts once it is accepted")
  struct AcceptQueueTests {
    /// A listening socket on 127.0.0.1 that nobody accepts from, unless asked.
    private final class Listener {
      let descriptor: CInt
      private var accepted: [CInt] = []

      init(unix path: String? = nil) {
        if let path {
          descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
          var address = sockaddr_un()
          address.sun_family = sa_family_t(AF_UNIX)
          withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
          bind(&address, socklen_t(MemoryLayout<sockaddr_un>.size))
        } else {
          descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
          var address = sockaddr_in()
          address.sin_family = sa_family_t(AF_INET)
          address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
          bind(&address, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        precondition(listen(descriptor, 16) == 0)
      }

      private func bind<Address>(_ address: inout Address, _ length: socklen_t) {
        let result = withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.bind(descriptor, $0, length)
          }
        }
        precondition(result == 0)
      }

      func acceptOne() { accepted.append(accept(descriptor, nil, nil)) }

      deinit { for descriptor in accepted + [descriptor] { close(descriptor) } }
    }

    private func listeners(_ listener: Listener) throws -> [ListenerAddress] {
      [try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))]
    }

    @Test("where nobody accepts, the probe times out in phase accept", arguments: [false, true])
    func nobody(unix: Bool) async throws {
      let path = "/tmp/vouch-accept-\(getpid())"
      let listener = Listener(unix: unix ? path : nil)
      defer { if unix { unlink(path) } }
      let prober = try await Prober(.tcp, "@web", try listeners(listener))
      let expected = ProbeResult.timedOut("no answer within 200 ms (phase accept)")
      #expect(await prober.run(timeout: .milliseconds(200)) == expected)
    }

    @Test("a passed socket that is written as an address is waited for all the same")
    func byAddress() async throws {
      let path = "/tmp/vouch-accept-address-\(getpid())"
      for unix in [false, true] {
        let listener = Listener(unix: unix ? path : nil)
        defer { if unix { unlink(path) } }
        let listeners = try listeners(listener)
        var target = "unix:\(path)"
        if case .ip(let address, _) = listeners[0].place {
          target = "127.0.0.1:\(address.port ?? 0)"
        }
        let prober = try await Prober(.tcp, target, listeners)
        let expected = ProbeResult.timedOut("no answer within 200 ms (phase accept)")
        #expect(await prober.run(timeout: .milliseconds(200)) == expected)
        listener.acceptOne()
        async let result = prober.run()
        listener.acceptOne()
        #expect(await result == .passed("connected"))
      }
    }

    @Test("the moment it is accepted it passes")
    func accepted() async throws {
      let listener = Listener()
      let prober = try await Prober(.tcp, "@web", try listeners(listener))
      async let result = prober.run()
      listener.acceptOne()
      #expect(await result == .passed("connected"))
    }

    @Test("behind a queue that never empties, it passes once it is accepted itself")
    func busy() async throws {
      let listener = Listener()
      let listeners = try listeners(listener)
      let waiting = try await Prober(.tcp, "@web", listeners)
      async let first = waiting.run()
      listener.acceptOne()
      #expect(await first == .passed("connected"))
      // Another client's connection follows ours into the queue and stays there.
      async let second = waiting.run()
      var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      #expect(poll(&entry, 1, 10_000) == 1)
      let other = try await Prober(.tcp, "@web", listeners)
      async let third = other.run(timeout: .milliseconds(500))
      var queue = entry
      var tries = 0
      // Both are queued when the kernel counts two: TCP_INFO of a listening socket, tcp(7).
      while queued(listener.descriptor) < 2, tries < 10_000 {
        tries += 1
        poll(&queue, 0, 1)
      }
      listener.acceptOne()
      #expect(await second == .passed("connected"))
      #expect(await third == .timedOut("no answer within 500 ms (phase accept)"))
    }

    @Test(
      "behind the queue of a Unix socket that never empties, it passes once it is accepted itself")
    func busyUnix() async throws {
      let path = "/tmp/vouch-busy-\(getpid())"
      let listener = Listener(unix: path)
      defer { unlink(path) }
      let listeners = try listeners(listener)
      let prober = try await Prober(.tcp, "@web", listeners)
      async let first = prober.run()
      var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      #expect(poll(&entry, 1, 10_000) == 1)
      let other = try UnixAddress(path: path).connect().get()
      defer { close(other) }
      listener.acceptOne()
      #expect(await first == .passed("connected"))
      let waiting = ProbeResult.timedOut("no answer within 200 ms (phase accept)")
      #expect(await prober.run(timeout: .milliseconds(200)) == waiting)
    }

    /// tcpi_unacked, which for a listening socket is the length of its accept queue.
    private func queued(_ descriptor: CInt) -> UInt32 {
      var info = tcp_info()
      var length = socklen_t(MemoryLayout<tcp_info>.size)
      getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &length)
      return info.tcpi_unacked
    }

    @Test("a row of the kernel's table is read as proc(5) has it")
    func rows() throws {
      let line =
        "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 "
        + "4242 1 0000000000000000 20 4 30 10 -1"
      let row = try #require(AcceptQueue.Row(line))
      #expect((row.local, row.remote, row.inode) == (8080, 50000, 4242))
      #expect(AcceptQueue.Row("  sl  local_address rem_address   st tx_queue rx_queue") == nil)
    }
  }
}
