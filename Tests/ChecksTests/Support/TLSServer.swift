import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Answers every request over TLS, on NIO.
final class TLSServer: Sendable {
  /// How a connection ends once the answer is out.
  enum End: Sendable {
    /// With close_notify, as TLS wants it.
    case clean
    /// Without it.
    case cut
    /// Not from this side, which does not even read on.
    case open
  }

  private let channel: any Channel
  var port: Int { channel.localAddress?.port ?? 0 }

  /// - Parameter defers: accepts a connection once there is data (TCP_DEFER_ACCEPT, tcp(7)).
  init(
    _ pair: Certificates.Pair, answer: String, end: End = .clean, defers: Bool = false
  ) async throws {
    let context = try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: NIOSSLCertificate.fromPEMFile(pair.certificate).map { .certificate($0) },
        privateKey: .privateKey(NIOSSLPrivateKey(file: pair.key, format: .pem))))
    channel = try await ServerBootstrap(group: loop)
      .serverChannelOption(
        ChannelOptions.Types.SocketOption(
          level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_DEFER_ACCEPT)),
        value: defers ? 30 : 0
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let line = Line()
          try pipeline.addHandler(line)
          try pipeline.addHandler(NIOSSLServerHandler(context: context))
          try pipeline.addHandler(Answering(answer, end, line))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func stop() async throws {
    try await channel.close().get()
  }

  /// The place below TLS.
  private final class Line: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    var readsNoMore = false
    private var context: ChannelHandlerContext? = nil
    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
    func read(context: ChannelHandlerContext) {
      if !readsNoMore { context.read() }
    }
    func cut() { context?.close(promise: nil) }
  }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: String
    private let end: End
    private let line: Line
    init(_ answer: String, _ end: End, _ line: Line) {
      self.answer = answer
      self.end = end
      self.line = line
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
      switch end {
      case .clean: context.close(promise: nil)
      case .cut: line.cut()
      case .open: line.readsNoMore = true
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
