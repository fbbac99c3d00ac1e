import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  /// What no HTTP/2 library would send.
  @Suite("gRPC over a connection that misbehaves")
  struct GRPCWireTests {
    private func result(
      timeout: TimeAmount = .seconds(20), _ behave: @escaping @Sendable (Connection) -> Void
    ) async throws -> ProbeResult {
      let server = try NastyServer(behave: behave)
      defer { server.stop() }
      return try await probe(.grpc, "127.0.0.1:\(server.port)", timeout: timeout)
    }

    @Test("a server of another protocol is told as such")
    func other() async throws {
      for (start, name) in [
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP/1"),
        ("HTTP/1.0 200 OK\r\n\r\n", "HTTP/1"),
        ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{46}", "TLS"),
      ] {
        let expected = ProbeResult.failed(
          "it speaks \(name), not gRPC over cleartext HTTP/2")
        let whole = try await result { connection in
          connection.readRequest()
          connection.send(start)
          connection.endAndWait()
        }
        #expect(whole == expected)
        let trickled = try await result { connection in
          connection.readRequest()
          for byte in start.utf8 {
            if !connection.send([byte]) { break }
            usleep(2000)
          }
          connection.endAndWait()
        }
        #expect(trickled == expected)
      }
    }

    @Test(
      "bytes that are no HTTP/2 are a failure that says so",
      arguments: RawHTTP2.garbage)
    func garbage(bytes: [UInt8]) async throws {
      let result = try await result { connection in
        connection.readRequest()
        connection.send(bytes)
        connection.endAndWait()
      }
      guard case .failed(let reason) = result else { return #expect(Bool(false), "\(result)") }
      #expect(reason.hasPrefix("malformed answer: "), "\(reason)")
      #expect(reason.hasSuffix(" (phase head)"), "\(reason)")
    }

    @Test("what never becomes an answer is given up after 64 KiB, or sooner")
    func flood() async throws {
      // SETTINGS, PING, frames of an unknown type; HEADERS that go on and on.
      for part in [
        RawHTTP2.frame(4, 0, stream: 0, []),
        RawHTTP2.frame(6, 0, stream: 0, [0, 0, 0, 0, 0, 0, 0, 1]),
        RawHTTP2.frame(0x42, 0, stream: 0, [UInt8](repeating: 0, count: 1000)),
      ] {
        let result = try await result { connection in
          connection.send(RawHTTP2.settings)
          while connection.send(part) {}
        }
        #expect(
          [
            "head: no end within 64 KiB",
            "malformed answer: excessive control frames (phase head)",
          ].map { .failed($0) }.contains(result), "\(result)")
      }
      let headers = try await result { connection in
        connection.send(RawHTTP2.settings)
        connection.send(RawHTTP2.frame(1, 0, stream: 1, [UInt8](repeating: 0x88, count: 1000)))
        while connection.send(
          RawHTTP2.frame(9, 0, stream: 1, [UInt8](repeating: 0x88, count: 16000)))
        {}
      }
      guard case .failed(let reason) = headers else { return #expect(Bool(false), "\(headers)") }
      #expect(reason.contains("head"), "\(reason)")
    }

    @Test("a body beyond the window is not read")
    func endlessBody() async throws {
      let head: [UInt8] =
        [0x88, 0x40, 12] + Array("content-type".utf8) + [16] + Array("application/grpc".utf8)
      let result = try await result { connection in
        connection.send(RawHTTP2.settings + RawHTTP2.frame(1, 4, stream: 1, head))
        // One message of 60 KiB, then padding without end.
        connection.send(RawHTTP2.frame(0, 0, stream: 1, [0, 0, 0, 0xF0, 0]))
        while connection.send(
          RawHTTP2.frame(0, 8, stream: 1, [255] + [UInt8](repeating: 0, count: 255)))
        {}
      }
      guard case .failed(let reason) = result else { return #expect(Bool(false), "\(result)") }
      #expect(
        reason.contains("flow control violation") || reason.contains("empty data frames")
          || reason == "body: no end within 64 KiB", "\(reason)")
    }

    @Test("nobody there, an end and a reset before the answer")
    func noAnswer() async throws {
      let unused = try NastyServer(behave: nil)
      unused.stop()
      #expect(try await probe(.grpc, "127.0.0.1:\(unused.port)") == .failed("connect refused"))
      #expect(
        try await result { $0.endAndWait() } == .failed("connection closed by peer (phase head)"))
      let reset = try await result { connection in
        connection.readRequest()
        connection.reset()
      }
      #expect(reset == .failed("connection reset by peer (phase head)"))
      let silent = try await result(timeout: .milliseconds(100)) { $0.stayUntilPeerEnds() }
      #expect(silent == .timedOut("no answer within 100 ms (phase head)"))
    }

    @Test("probes leave no descriptor behind, cancelled at any moment")
    func cancelled() async throws {
      let server = try await HTTP2Server([
        .headers(GRPCScript.head), .data(GRPCScript.serving),
        .headers(["grpc-status": "0"], last: true),
      ])
      let prober = try await Prober(.grpc, ":\(server.port)")
      #expect(await prober.run() == .passed("SERVING"))
      let before = openDescriptors()
      for turns in 0..<10 {
        #expect(try await !prober.runAndCancel(afterTurns: turns) || turns > 0)
      }
      for _ in 0..<20 { #expect(await prober.run() == .passed("SERVING")) }
      try await Task.sleep(for: .milliseconds(50))
      #expect(openDescriptors() <= before + 1)
      try await server.stop()
    }
  }
}

/// Frames by hand (RFC 9113, 4.1).
enum RawHTTP2 {
  static func frame(_ type: UInt8, _ flags: UInt8, stream: UInt8, _ payload: [UInt8])
    -> [UInt8]
  {
    let length = payload.count
    return [UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
      + [0, 0, 0, stream] + payload
  }
  static let settings = frame(4, 0, stream: 0, [])

  static let garbage: [[UInt8]] = [
    Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), Array("<html>".utf8) + [0, 0, 0, 0],
    // No SETTINGS in front; headers on a stream nobody opened; too large a frame.
    frame(0, 1, stream: 1, [0]), settings + frame(1, 4, stream: 3, [0x88]),
    settings + [0, 0x80, 0, 0, 0, 0, 0, 0, 1],
    // HEADERS that HPACK cannot read, and without :status.
    settings + frame(1, 5, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    settings + frame(1, 5, stream: 1, [0x90]),
  ]
}
