import Launch
import NIOCore
import NIOPosix

/// Signals as events on the loop: the signalfd is read as NIO reads a pipe.
final class SignalChannel: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let received: ([ReceivedSignal]) -> Void

  private init(_ received: @escaping ([ReceivedSignal]) -> Void) { self.received = received }

  /// Hands the signals of the inbox to `received`, on the loop, from now on: all that wait at once.
  static func open(
    _ inbox: SignalInbox, on loop: EventLoop, _ received: @escaping ([ReceivedSignal]) -> Void
  ) -> EventLoopFuture<Void> {
    let handler = NIOLoopBound(SignalChannel(received), eventLoop: loop)
    return NIOPipeBootstrap(group: loop)
      .channelOption(.maxMessagesPerRead, value: 4)
      .channelOption(
        .recvAllocator,
        value: FixedSizeRecvByteBufferAllocator(capacity: 16 * SignalInbox.recordSize)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler.value)
        }
      }
      .takingOwnershipOfDescriptor(input: inbox.descriptor.rawValue)
      .map { _ in }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    received(buffer.withUnsafeReadableBytes { SignalInbox.parse(bytes: $0) })
  }
}
