import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("gRPC answers")
  struct GRPCAnswerTests {
    private func result(
      _ steps: [HTTP2Server.Step], service: String = "", timeout: TimeAmount = .seconds(10)
    ) async throws -> ProbeResult {
      let server = try await HTTP2Server(steps)
      let result = try await probe(.grpc, ":\(server.port)\(service)", timeout: timeout)
      try await server.stop()
      return result
    }

    @Test("SERVING passes, and the call is as gRPC wants it", arguments: ["", "/my.pkg.Service"])
    func serving(service: String) async throws {
      let server = try await HTTP2Server([
        .headers(GRPCScript.head), .data(GRPCScript.serving), GRPCScript.trailers("0"),
      ])
      let port = server.port
      let result = try await probe(.grpc, ":\(port)\(service)", timeout: .seconds(7))
      try await server.stop()
      #expect(result == .passed("SERVING"))
      let request = try #require(server.requests.first)
      #expect(server.requests.count == 1)
      #expect(
        request.headers == [
          ":method": "POST", ":scheme": "http", ":path": "/grpc.health.v1.Health/Check",
          ":authority": "localhost:\(port)", "te": "trailers",
          "content-type": "application/grpc", "user-agent": "vouch/1.2.3", "grpc-timeout": "7000m",
        ])
      let name = Array(service.dropFirst().utf8)
      let message = name.isEmpty ? [] : [0x0A, UInt8(name.count)] + name
      #expect(request.body == [0, 0, 0, 0, UInt8(message.count)] + message)
    }

    @Test(
      "what comes ahead of the answer, beside it or in pieces does no harm",
      arguments: GRPCScript.harmless)
    func harmless(steps: [HTTP2Server.Step]) async throws {
      #expect(try await result(steps) == .passed("SERVING"))
    }

    @Test(
      "any other status fails by its name",
      arguments: [
        ([], "UNKNOWN"), ([0x08, 0], "UNKNOWN"), ([0x08, 2], "NOT_SERVING"),
        ([0x08, 3], "SERVICE_UNKNOWN"), ([0x08, 1, 0x08, 2], "NOT_SERVING"),
        ([0x08, 7], "status 7, which grpc.health.v1 does not know"),
      ] as [([UInt8], String)])
    func status(message: [UInt8], name: String) async throws {
      let steps: [HTTP2Server.Step] = [
        .headers(GRPCScript.head), .data([0, 0, 0, 0, UInt8(message.count)] + message),
        GRPCScript.trailers("0"),
      ]
      #expect(try await result(steps) == .failed(name))
    }

    @Test(
      "a call that ends in an error tells what it means, without grpc-message",
      arguments: [
        ("12", "", "the server has no grpc.health.v1.Health service"),
        ("5", "/a.B", "it does not know service \"a.B\""),
        ("5", "", "it knows no health of the server as a whole"),
        ("14", "", "grpc-status UNAVAILABLE"), ("16", "", "grpc-status UNAUTHENTICATED"),
        ("99", "", "grpc-status 99"),
        ("x", "", "malformed answer: grpc-status is no number"),
      ])
    func error(code: String, service: String, reason: String) async throws {
      let trailersOnly = HTTP2Server.Step.headers(
        GRPCScript.head + ["grpc-status": code, "grpc-message": "password%3Dsecret"], last: true)
      #expect(try await result([trailersOnly], service: service) == .failed(reason))
      #expect(
        try await result([.headers(GRPCScript.head), GRPCScript.trailers(code)], service: service)
          == .failed(reason))
      // Beside a message that would pass.
      #expect(
        try await result(
          [.headers(GRPCScript.head), .data(GRPCScript.serving), GRPCScript.trailers(code)],
          service: service)
          == .failed(reason))
    }

    @Test(
      "an answer that is none says what is wrong with it",
      arguments: GRPCScript.bad)
    func none(steps: [HTTP2Server.Step], reason: String) async throws {
      #expect(try await result(steps) == .failed(reason))
    }

    @Test("an answer that does not end is told by its phase")
    func late() async throws {
      #expect(
        try await result([.ping], timeout: .milliseconds(150))
          == .timedOut("no answer within 150 ms (phase head)"))
      #expect(
        try await result(
          [.headers(GRPCScript.head), .data(GRPCScript.serving)], timeout: .milliseconds(150))
          == .timedOut("no answer within 150 ms (phase body)"))
    }
  }
}

extension HPACKHeaders {
  static func + (left: HPACKHeaders, right: HPACKHeaders) -> HPACKHeaders {
    var sum = left
    sum.add(contentsOf: right)
    return sum
  }
}

/// Answers as a server may give them.
enum GRPCScript {
  static let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
  static let serving: [UInt8] = [0, 0, 0, 0, 2, 0x08, 1]
  static func trailers(_ status: String) -> HTTP2Server.Step {
    .headers(["grpc-status": status, "grpc-message": "password%3Dsecret"], last: true)
  }

  /// Those that say SERVING, each with something besides.
  static let harmless: [[HTTP2Server.Step]] = [
    [.headers([":status": "103", "link": "</x>"]), .headers(head)]
      + serving.map { .data([$0]) } + [trailers("0")],
    [.ping, .headers(head), .ping, .data(serving), trailers("0")],
    [
      .goAway(last: 1, .noError), .headers(head), .data(serving), trailers("0"), .close,
    ],
    [
      .headers([":status": "200", "content-type": "application/grpc+proto"]),
      .data([0, 0, 0, 0, 9, 0x12, 3, 1, 2, 3, 0x08, 1, 0x18, 5]), trailers("0"),
    ],
  ]

  /// Those that say nothing of use, and what is to be said of them.
  static let bad: [([HTTP2Server.Step], String)] = [
    ([.headers([":status": "503"], last: true)], "HTTP status 503, expected 200"),
    (
      [.headers([":status": "404", "content-type": "text/html"]), .data([0x3C], last: true)],
      "HTTP status 404, expected 200"
    ),
    (
      [.headers([":status": "200", "content-type": "text/html"]), .data([0x3C], last: true)],
      "its answer is not gRPC: another content-type than application/grpc"
    ),
    (
      [.headers([":status": "200"]), .data([0x3C], last: true)],
      "its answer is not gRPC: another content-type than application/grpc"
    ),
    (
      [
        .headers([":status": "200", "content-type": "application/grpc-web"]),
        .data(serving, last: true),
      ],
      "its answer is not gRPC: another content-type than application/grpc"
    ),
    (
      [.headers(head), .data([1, 0, 0, 0, 0]), trailers("0")],
      "its answer is compressed, though nothing allowed it to be"
    ),
    (
      [.headers(head), .data([2, 0, 0, 0, 0]), trailers("0")],
      "malformed answer: the message begins with neither 0 nor 1"
    ),
    (
      [.headers(head), .data(serving + serving), trailers("0")],
      "malformed answer: more than one message"
    ),
    (
      [.headers(head), .data([0, 0, 1, 0, 0]), .data(serving)],
      "its answer is longer than 60 KiB"
    ),
    (
      [.headers(head), .data(serving, last: true)],
      "malformed answer: no grpc-status at its end"
    ),
    (
      [.headers(head), .data(serving), .headers(["x": "y"], last: true)],
      "malformed answer: no grpc-status at its end"
    ),
    (
      [.headers(head), trailers("0")],
      "malformed answer: grpc-status OK without a whole message"
    ),
    (
      [.headers(head), .data(Array(serving.dropLast())), trailers("0")],
      "malformed answer: grpc-status OK without a whole message"
    ),
    (
      [.headers(head), .data([0, 0, 0, 0, 1, 0x08]), trailers("0")],
      "malformed answer: the message is not a HealthCheckResponse"
    ),
    ([.reset(.refusedStream)], "call reset by peer: REFUSED_STREAM (phase head)"),
    (
      [.headers(head), .reset(.cancel)], "call reset by peer: CANCEL (phase body)"
    ),
    (
      [.goAway(last: 0, .enhanceYourCalm)],
      "connection closed by peer: GOAWAY ENHANCE_YOUR_CALM (phase head)"
    ),
    (
      [.goAway(last: 1, .internalError), .close],
      "connection closed by peer: GOAWAY INTERNAL_ERROR (phase head)"
    ),
    ([.close], "connection closed by peer (phase head)"),
    ([.headers(head), .data(serving), .close], "connection closed by peer (phase body)"),
  ]
}
