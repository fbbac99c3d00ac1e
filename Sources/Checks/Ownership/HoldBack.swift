import NIOCore

/// Stands next to the socket and keeps the last byte of what was written so far, so that the server
/// cannot answer yet: time to see who has accepted the connection. All but that byte goes out, since
/// a server may accept a connection only once there is data (TCP_DEFER_ACCEPT, tcp(7)).
final class HoldBack: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var context: ChannelHandlerContext?
  private var isHolding = true
  private var last: (byte: ByteBuffer, promise: EventLoopPromise<Void>?)?

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    last?.promise?.fail(ChannelError.ioOnClosedChannel)
    last = nil
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var bytes = unwrapOutboundIn(data)
    guard isHolding, bytes.readableBytes > 0 else {
      context.write(data, promise: promise)
      return
    }
    writeLast(context)
    if let most = bytes.readSlice(length: bytes.readableBytes - 1), most.readableBytes > 0 {
      context.write(wrapOutboundOut(most), promise: nil)
    }
    last = (bytes, promise)
  }

  /// Sends what was kept, and keeps nothing any more.
  func release() {
    isHolding = false
    guard let context, last != nil else { return }
    writeLast(context)
    context.flush()
  }

  private func writeLast(_ context: ChannelHandlerContext) {
    guard let (byte, promise) = last else { return }
    last = nil
    context.write(wrapOutboundOut(byte), promise: promise)
  }
}
