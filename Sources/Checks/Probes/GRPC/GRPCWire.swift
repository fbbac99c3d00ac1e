import NIOCore

/// Stands between the connection and NIO's HTTP/2: counts the bytes of frames that it would take
/// without end, and tells a server of another protocol by its first bytes, for which NIO would only
/// have "unable to parse frame".
final class GRPCWire: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// Of all that comes ahead of the head, and of the head.
  private static let headLimit = 64 * 1024
  /// Of what follows: the window allows 64 KiB of body, the frames around it may take as much again.
  private static let bodyLimit = 2 * 64 * 1024

  private let run: GRPCRun
  private var received = 0
  /// What has come while it may still become something else than HTTP/2.
  private var first: ByteBuffer? = ByteBuffer()

  init(_ run: GRPCRun) { self.run = run }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if run.isOver { return }
    if var first {
      first.writeImmutableBuffer(bytes)
      switch Self.protocol(of: first.readableBytesView) {
      case .http2: self.first = nil
      case .undecided:
        self.first = first
        return
      case .other(let name):
        return run.finish(.failed("it speaks \(name), not gRPC over cleartext HTTP/2"))
      }
      bytes = first
    }
    let wasInBody = run.phase == .body
    received += bytes.readableBytes
    let limit = wasInBody ? Self.bodyLimit : Self.headLimit
    let isTooLong = received > limit
    if isTooLong, let part = bytes.readSlice(length: bytes.readableBytes - (received - limit)) {
      bytes = part
    }
    context.fireChannelRead(wrapInboundOut(bytes))
    if run.isOver { return }
    if !wasInBody, run.phase == .body {
      // The limits are roomy: what of these bytes was body need not be counted.
      received = 0
    } else if isTooLong {
      run.finish(.failed("\(run.phase.rawValue): no end within 64 KiB"))
    }
  }

  enum Guess: Equatable {
    case http2, undecided
    case other(String)
  }

  /// What the first bytes from the server are. An HTTP/2 server begins with a SETTINGS frame (RFC
  /// 9113, 3.4): three bytes of length, of which the first is 0 unless the frame is longer than 64
  /// KiB, and it may not be longer than 16 KiB.
  static func `protocol`(of bytes: some Collection<UInt8>) -> Guess {
    guard let first = bytes.first else { return .undecided }
    if first == 0 { return .http2 }
    for (start, name) in [("HTTP/1.".utf8.map { $0 }, "HTTP/1"), ([0x15, 0x03], "TLS")] {
      if bytes.starts(with: start) { return .other(name) }
      if start.starts(with: bytes) { return .undecided }
    }
    // NIO says what is wrong with it.
    return .http2
  }
}
