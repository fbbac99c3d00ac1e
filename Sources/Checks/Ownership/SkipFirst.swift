import NIOCore

/// Stands next to the socket where the first byte of all was sent before, and leaves it out.
final class SkipFirst: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var isDone = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var bytes = unwrapOutboundIn(data)
    if !isDone, bytes.readableBytes > 0 {
      isDone = true
      bytes.moveReaderIndex(forwardBy: 1)
    }
    context.write(wrapOutboundOut(bytes), promise: promise)
  }
}
