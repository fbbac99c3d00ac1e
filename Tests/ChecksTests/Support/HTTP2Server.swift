import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization

/// A server over HTTP/2 that answers each call as a test wrote it down, on NIO.
final class HTTP2Server: Sendable {
  enum Step: Sendable {
    case headers(HPACKHeaders, last: Bool = false)
    case data([UInt8], last: Bool = false)
    case reset(HTTP2ErrorCode)
    case goAway(last: HTTP2StreamID, HTTP2ErrorCode)
    case ping
    case close
  }

  struct Request: Sendable {
    var headers: HPACKHeaders
    var body: [UInt8] = []
  }

  private let channel: any Channel
  private let received: Received
  var port: Int { channel.localAddress?.port ?? 0 }
  var requests: [Request] { received.requests.withLock { $0 } }

  /// - Parameter descriptor: a listening socket to serve and to close, in place of one of its own.
  init(on descriptor: CInt? = nil, _ steps: [Step]) async throws {
    let received = Received()
    self.received = received
    let bootstrap = ServerBootstrap(group: loop)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          // What a test sends may be wrong.
          try pipeline.addHandler(
            NIOHTTP2Handler(
              mode: .server, headerBlockValidation: .disabled, contentLengthValidation: .disabled))
          try pipeline.addHandler(Answering(steps, received))
        }
      }
    if let descriptor {
      channel = try await bootstrap.withBoundSocket(descriptor).get()
    } else {
      channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
    }
  }

  func stop() async throws { try await channel.close().get() }

  private final class Received: Sendable {
    let requests = Mutex<[Request]>([])
  }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame
    private let steps: [Step]
    private let received: Received
    private var request = Request(headers: [:])

    init(_ steps: [Step], _ received: Received) {
      self.steps = steps
      self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let frame = unwrapInboundIn(data)
      switch frame.payload {
      case .headers(let part): request.headers = part.headers
      case .data(let part):
        if case .byteBuffer(let bytes) = part.data { request.body += bytes.readableBytesView }
        if part.endStream {
          received.requests.withLock { $0.append(request) }
          answer(context, on: frame.streamID)
        }
      default: break
      }
    }

    private func answer(_ context: ChannelHandlerContext, on stream: HTTP2StreamID) {
      for step in steps {
        switch step {
        case .headers(let headers, let last):
          send(context, stream, .headers(.init(headers: headers, endStream: last)))
        case .data(let bytes, let last):
          let data = IOData.byteBuffer(ByteBuffer(bytes: bytes))
          send(context, stream, .data(.init(data: data, endStream: last)))
        case .reset(let code): send(context, stream, .rstStream(code))
        case .goAway(let last, let code):
          send(
            context, .rootStream, .goAway(lastStreamID: last, errorCode: code, opaqueData: nil))
        case .ping: send(context, .rootStream, .ping(HTTP2PingData(withInteger: 7), ack: false))
        case .close: context.close(promise: nil)
        }
      }
    }

    private func send(
      _ context: ChannelHandlerContext, _ stream: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload
    ) {
      context.writeAndFlush(
        wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
