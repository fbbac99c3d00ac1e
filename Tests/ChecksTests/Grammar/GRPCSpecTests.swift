import NIOCore
import Testing

@testable import Checks

@Suite("SPEC of --grpc")
struct GRPCSpecTests {
  @Test(
    "targets",
    arguments: [
      (":50051", .loopback(port: 50051), "localhost:50051", ""),
      (":50051/a.B", .loopback(port: 50051), "localhost:50051", "a.B"),
      ("app.test:80/a.B", .host("app.test", port: 80), "app.test:80", "a.B"),
      ("[::1]:80/a/b", .address("::1", port: 80), "[::1]:80", "a/b"),
      ("127.0.0.1:80", .address("127.0.0.1", port: 80), "127.0.0.1:80", ""),
      ("@web", .listener("web"), "localhost", ""),
      ("@web/a.B", .listener("web"), "localhost", "a.B"),
      ("unix:/run/app.sock", .unix(path: "/run/app.sock"), "localhost", ""),
      ("unix:/run/app.sock:a.B", .unix(path: "/run/app.sock"), "localhost", "a.B"),
      ("unix:@app:a.B/c:d", .abstract("app"), "localhost", "a.B/c:d"),
    ] as [(String, Target, String, String)])
  func targets(text: String, place: Target, authority: String, service: String) throws {
    let check = try CheckSpec.parse(kind: .grpc, text: text + " interval=2s")
    #expect(
      check.probe == .grpc(GRPCSpec(place: place, authority: authority, service: service)))
    #expect(check.derivedName == "grpc \(text)")
    #expect(check.interval == .seconds(2))
    #expect(check.probesPassedSocket == place.isPassedSocket)
  }

  @Test(
    "what is wrong is told with what would be right",
    arguments: [
      ("50051", "has no port: write HOST:PORT"),
      ("app.test", "has no port: write HOST:PORT"),
      ("app.test/a.B", "has no port: write HOST:PORT"),
      ("/a.B", "has no port: write HOST:PORT"),
      ("http://app.test:80/", "is not a gRPC target: write HOST:PORT"),
      (":50051/", "ends in \"/\" and names no service"),
      ("unix:/run/app.sock:", "ends in \":\" and names no service"),
      ("@", "names no socket"),
      (":0", "is not a port"),
      (":80 status=200", "unknown key \"status\"; the keys are: peer, name, interval"),
      (":80 :81", "one target too many"),
      ("", "names no target"),
      (":80/a\u{7}", "is not the name of a service: at most 1024 bytes"),
      (":80/" + String(repeating: "x", count: 1025), "is not the name of a service"),
    ])
  func wrong(text: String, message: String) {
    do {
      _ = try CheckSpec.parse(kind: .grpc, text: text)
      #expect(Bool(false), "\(text) was taken")
    } catch {
      #expect(error.message.hasPrefix("--grpc '"))
      #expect(error.message.contains(message), "\(error.message)")
    }
  }
}

@Suite("The messages of grpc.health.v1")
struct HealthMessageTests {
  private func status(_ bytes: [UInt8]) -> HealthMessage.ServingStatus? {
    HealthMessage.status(.init(bytes: bytes))
  }

  @Test("unknown fields of every type, in any order, are skipped")
  func unknown() {
    // Field 2 of each wire type, groups that nest among them; field 1 of another type is unknown too.
    let unknown: [[UInt8]] = [
      [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
      [0x11, 1, 2, 3, 4, 5, 6, 7, 8], [0x12, 0], [0x12, 2, 8, 2], [0x15, 1, 2, 3, 4],
      [0x13, 0x08, 2, 0x1B, 0x1C, 0x14], [0x0A, 1, 2], [0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 0],
    ]
    for field in unknown {
      #expect(status(field + [0x08, 1]) == .serving, "\(field)")
      #expect(status([0x08, 1] + field) == .serving, "\(field)")
      #expect(status(field) == .unknown, "\(field)")
    }
  }

  @Test("numbers may be longer than they need, or negative")
  func numbers() {
    #expect(status([0x08, 0x81, 0x80, 0]) == .serving)
    #expect(status([0x88, 0x80, 0, 1]) == .serving)
    #expect(
      status([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]) == .other(-1))
  }

  @Test(
    "what is malformed is no message",
    arguments: [
      [0x08], [0x08, 0x80], [0x00, 0], [0x0F, 1], [0x0E, 1], [0x12, 5, 1], [0x11, 1], [0x15, 1],
      [0x13], [0x14], [0x13, 0x1C], [0x08, 1, 0x08], [0xFA, 0xFF, 0xFF, 0xFF, 0x1F, 0],
      [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
      [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
    ] as [[UInt8]])
  func malformed(bytes: [UInt8]) {
    #expect(status(bytes) == nil)
  }

  @Test("the reader holds whatever comes")
  func any() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      _ = status(
        (0..<Int.random(in: 0...24)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test("a request names the service, however long")
  func request() {
    #expect(HealthMessage.request(service: "").readableBytes == 0)
    let long = String(repeating: "x", count: 300)
    #expect(
      Array(HealthMessage.request(service: long).readableBytesView)
        == [0x0A, 0xAC, 0x02] + Array(long.utf8))
  }

  @Test(
    "grpc-timeout is rounded up, and has eight digits at most",
    arguments: [
      (.nanoseconds(1), "1m"), (.milliseconds(1), "1m"), (.nanoseconds(1_000_001), "2m"),
      (.seconds(5), "5000m"), (.hours(27), "97200000m"), (.hours(28), "100800S"),
      (.hours(24 * 365 * 10), "99999999S"),
    ] as [(TimeAmount, String)])
  func timeout(_ time: TimeAmount, text: String) {
    #expect(GRPCExchange.timeoutText(time) == text)
  }
}
