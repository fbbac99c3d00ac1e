import NIOCore
import NIOHTTP1

/// Stands between the connection and NIO's decoder: counts the bytes that the decoder would take
/// without end (a reason phrase, headers, 1xx answers, chunk extensions), and sends the request that
/// was made once in place of the one that the decoder is told of.
final class HTTPWire: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = ByteBuffer

  /// Of the head, 1xx answers before it included.
  private static let headLimit = 64 * 1024
  /// Of what follows the head: the body itself is counted by `HTTPJudge`, and the lines between
  /// its chunks may take as much again.
  private static let bodyLimit = 2 * HTTPJudge.bodyLimit
  /// The bytes alone are limited, not into how many headers they are cut.
  static let decoderLimits: NIOHTTPDecoderLimitConfiguration = {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldCount = headLimit
    return limits
  }()

  private let run: HTTPRun
  private let request: ByteBuffer
  private var received = 0

  init(_ run: HTTPRun, request: ByteBuffer) {
    self.run = run
    self.request = request
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    context.write(wrapOutboundOut(request), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if run.isOver { return }
    if run.phase != .body {
      let room = Self.headLimit - received
      guard bytes.readableBytes > room else {
        received += bytes.readableBytes
        context.fireChannelRead(data)
        if run.phase == .body { received = 0 }
        return
      }
      if let last = bytes.readSlice(length: room) {
        context.fireChannelRead(wrapInboundOut(last))
      }
      if run.isOver { return }
      if run.phase != .body {
        return run.finish(.failed("head: no end within 64 KiB"))
      }
      received = 0
    }
    received += bytes.readableBytes
    context.fireChannelRead(wrapInboundOut(bytes))
    if received > Self.bodyLimit { run.finish(.failed(HTTPJudge.noEnd)) }
  }
}
