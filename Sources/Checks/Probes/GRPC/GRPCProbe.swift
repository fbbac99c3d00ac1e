import NIOCore
import NIOHPACK
import NIOHTTP2

/// Passes when grpc.health.v1.Health/Check answers SERVING: one connection over cleartext HTTP/2
/// with prior knowledge (RFC 9113, 3.3), one call, closed after it.
final class GRPCProbe: Probe {
  private let peers: Peers
  private let exchange: GRPCExchange
  private let deadlines: Deadlines

  init(_ spec: GRPCSpec, peers: Peers, deadlines: Deadlines, version: String) {
    self.peers = peers
    self.deadlines = deadlines
    exchange = GRPCExchange(spec, version: version)
  }

  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    let run = GRPCRun(
      exchange, peers: peers, deadlines: deadlines, loop: loop, timeout: timeout, done: done)
    run.start()
    return run
  }
}

/// What is the same in every run of one gRPC check, made once.
final class GRPCExchange {
  let service: String
  private let headers: HPACKHeaders
  /// The message behind its prefix, as it goes out in DATA.
  let message: ByteBuffer

  init(_ spec: GRPCSpec, version: String) {
    service = spec.service
    headers = [
      ":method": "POST",
      ":scheme": "http",
      ":path": "/grpc.health.v1.Health/Check",
      ":authority": spec.authority,
      "te": "trailers",
      "content-type": "application/grpc",
      "user-agent": "vouch/\(version)",
    ]
    let request = HealthMessage.request(service: spec.service)
    var message = ByteBuffer()
    message.writeInteger(UInt8(0))
    message.writeInteger(UInt32(request.readableBytes))
    message.writeImmutableBuffer(request)
    self.message = message
  }

  /// - Parameter timeout: how long the answer is waited for; the server is told.
  func headers(timeout: TimeAmount) -> HPACKHeaders {
    var headers = headers
    headers.add(name: "grpc-timeout", value: Self.timeoutText(timeout))
    return headers
  }

  /// grpc-timeout of PROTOCOL-HTTP2.md: 8 digits at most and a unit, here ms as long as it fits.
  static func timeoutText(_ timeout: TimeAmount) -> String {
    let largest: Int64 = 99_999_999
    let milliseconds = max(1, (timeout.nanoseconds - 1) / 1_000_000 + 1)
    if milliseconds <= largest { return "\(milliseconds)m" }
    return "\(min(milliseconds / 1000, largest))S"
  }
}

/// One call and its answer.
final class GRPCRun: ConnectionRun, @unchecked Sendable {
  private let exchange: GRPCExchange
  private let timeout: TimeAmount
  /// Of the present connection.
  private var call: GRPCCall? = nil

  init(
    _ exchange: GRPCExchange, peers: Peers, deadlines: Deadlines, loop: any EventLoop,
    timeout: TimeAmount, done: @escaping (ProbeResult) -> Void
  ) {
    self.exchange = exchange
    self.timeout = timeout
    super.init(peers: peers, deadlines: deadlines, loop: loop, timeout: timeout, done: done)
  }

  /// Of the connection preface (RFC 9113, 3.4).
  override var opening: UInt8? { UInt8(ascii: "P") }

  override func prepare(_ channel: any Channel) throws {
    let call = GRPCCall(self, exchange, timeout: timeout)
    self.call = call
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(GRPCWire(self))
    try pipeline.addHandler(NIOHTTP2Handler(mode: .client, initialSettings: Self.settings))
    try pipeline.addHandler(call)
  }

  override func connected(_ channel: any Channel) {
    phase = .send
    call?.sendOnceReady()
  }

  /// What the server is told. Nothing is pushed; the window for DATA stays at the 65,535 bytes of the
  /// protocol and is never opened again, so that no server sends a longer body.
  private static let settings = [
    HTTP2Setting(parameter: .enablePush, value: 0),
    HTTP2Setting(parameter: .maxHeaderListSize, value: 16 * 1024),
  ]
}
