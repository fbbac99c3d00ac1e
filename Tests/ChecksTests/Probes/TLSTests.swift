import NIOCore
import NIOSSL
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("https")
  struct TLSTests {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test("the certificate is verified as the keys say")
    func verification() async throws {
      let certificates = try Certificates()
      defer { certificates.remove() }
      let (good, other) = (certificates.good.certificate, certificates.other.certificate)
      let unknown = ProbeResult.failed("TLS: certificate verify failed")
      let wrongName = ProbeResult.failed("TLS: the certificate is for another name")

      let byAddress = try await TLSServer(certificates.good, answer: Self.answer)
      let target = "https://127.0.0.1:\(byAddress.port)/"
      #expect(try await http("\(target) tls-ca=\(good)") == .passed("200"))
      #expect(try await http("\(target) tls-ca=\(good) tls-name=service.test") == .passed("200"))
      #expect(try await http("\(target) tls-ca=\(good) body=^ok$") == .passed("200"))
      #expect(try await http("\(target) tls-ca=\(other)") == unknown)
      // The system's authorities do not know it.
      #expect(try await http(target) == unknown)
      #expect(try await http("\(target) tls-verify=no") == .passed("200"))
      try await byAddress.stop()

      let byName = try await TLSServer(certificates.other, answer: Self.answer)
      let address = "https://127.0.0.1:\(byName.port)/"
      let localhost = "https://localhost:\(byName.port)/"
      #expect(try await http("\(address) tls-ca=\(other)") == wrongName)
      #expect(try await http("\(localhost) tls-ca=\(other)") == wrongName)
      #expect(try await http("\(address) tls-ca=\(other) tls-name=service.test") == wrongName)
      #expect(try await http("\(address) tls-ca=\(other) tls-name=other.test") == .passed("200"))
      #expect(try await http("\(localhost) tls-ca=\(other) tls-name=Other.Test") == .passed("200"))
      #expect(try await http("\(localhost) tls-verify=no tls-name=x.test") == .passed("200"))
      try await byName.stop()
    }

    @Test("a file of authorities that cannot be used is an error at the start")
    func authorities() throws {
      let certificates = try Certificates()
      defer { certificates.remove() }
      let empty = try certificates.file("empty", holding: "")
      let garbage = try certificates.file("garbage", holding: "no certificate\n")
      for (file, part) in [
        ("/nonexistent/ca.pem", "no such file"), (empty, "no certificate"),
        (garbage, "no certificate"), (certificates.good.key, "no certificate"),
      ] {
        let error = #expect(throws: SpecError.self) {
          let check = try CheckSpec.parse(kind: .http, text: "https://h/ tls-ca=\(file)")
          _ = try factory().makeProbe(for: check)
        }
        #expect(error?.message.contains("tls-ca=: \(file): ") == true)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
        #expect(error?.message.contains("\n") == false)
      }
    }

    @Test("a plain server, and one that is gone in the handshake, are failures of TLS")
    func plainServer() async throws {
      let plain = try NastyServer { connection in
        connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.endAndWait()
      }
      let gone = try NastyServer { _ in }
      defer {
        plain.stop()
        gone.stop()
      }
      let first = try await http("https://127.0.0.1:\(plain.port)/ tls-verify=no")
      #expect(first == .failed("TLS: wrong version number"))
      let second = try await http("https://127.0.0.1:\(gone.port)/ tls-verify=no")
      guard case .failed(let reason) = second else { return #expect(Bool(false), "\(second)") }
      #expect(
        [
          "TLS: connection closed by peer in the handshake",
          "connection reset by peer (phase TLS)", "connection reset by peer (phase connect)",
        ].contains(reason), "\(reason)")
    }

    @Test("a handshake that stalls ends at the deadline, in phase TLS")
    func stalled() async throws {
      let server = try NastyServer { $0.stayUntilPeerEnds() }
      defer { server.stop() }
      #expect(
        try await http("https://127.0.0.1:\(server.port)/", timeout: .milliseconds(200))
          == .timedOut("no answer within 200 ms (phase TLS)"))
    }

    @Test("a body that ends with the connection needs a clean end")
    func truncation() async throws {
      let certificates = try Certificates()
      defer { certificates.remove() }
      let answer = "HTTP/1.1 200 OK\r\n\r\nok"
      let clean = try await TLSServer(certificates.good, answer: answer)
      let cut = try await TLSServer(certificates.good, answer: answer, end: .cut)
      #expect(try await http("https://127.0.0.1:\(clean.port)/ tls-verify=no") == .passed("200"))
      #expect(
        try await http("https://127.0.0.1:\(cut.port)/ tls-verify=no")
          == .failed("TLS: connection closed without notice (phase body)"))
      try await clean.stop()
      try await cut.stop()
    }

    @Test("the connection ends with the probe, without a wait for the other side")
    func endsAtOnce() async throws {
      let certificates = try Certificates()
      defer { certificates.remove() }
      let server = try await TLSServer(certificates.good, answer: Self.answer, end: .open)
      let before = openDescriptors()
      #expect(
        try await http("https://127.0.0.1:\(server.port)/ tls-verify=no") == .passed("200"))
      // NIOSSL, left to itself, would keep this side's end for five seconds. The server's end may
      // stay.
      let start = ContinuousClock.now
      while openDescriptors() > before + 1, ContinuousClock.now - start < .seconds(4) {
        try await loop.scheduleTask(in: .milliseconds(1)) {}.futureResult.get()
      }
      #expect(openDescriptors() <= before + 1)
      try await server.stop()
    }
  }
}
