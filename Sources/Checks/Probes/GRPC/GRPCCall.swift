import NIOCore
import NIOHPACK
import NIOHTTP2

/// Sends the call on the connection's first stream, and takes what NIO's handler makes of the answer,
/// or what went wrong, to the verdict.
final class GRPCCall: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let run: GRPCRun
  private let exchange: GRPCExchange
  private let timeout: TimeAmount
  private var judge: GRPCJudge
  private var context: ChannelHandlerContext? = nil
  /// Whether NIO's handler has sent the preface, ahead of which nothing may go.
  private var hasPreface = false
  /// What went wrong with sending; the connection's end tells it.
  private var sendError: (any Error)? = nil
  /// Of a GOAWAY that lets this call go on.
  private var goAway: HTTP2ErrorCode? = nil

  init(_ run: GRPCRun, _ exchange: GRPCExchange, timeout: TimeAmount) {
    self.run = run
    self.exchange = exchange
    self.timeout = timeout
    judge = GRPCJudge(service: exchange.service)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    hasPreface = true
    sendOnceReady()
  }

  /// Sends the call when both the run has taken the connection and the preface is out, in whichever
  /// order NIO tells of them.
  func sendOnceReady() {
    guard let context, hasPreface, run.phase == .send else { return }
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { result in
      switch result {
      case .success: if self.run.phase == .send { self.run.phase = .head }
      case .failure(let error): self.sendError = error
      }
    }
    let headers = HTTP2Frame.FramePayload.Headers(headers: exchange.headers(timeout: timeout))
    let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(exchange.message), endStream: true)
    context.write(
      wrapOutboundOut(HTTP2Frame(streamID: 1, payload: .headers(headers))), promise: nil)
    context.writeAndFlush(
      wrapOutboundOut(HTTP2Frame(streamID: 1, payload: .data(data))), promise: sent)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // After a verdict NIO's handler still hands on what it had already received.
    if run.isOver { return }
    let frame = unwrapInboundIn(data)
    switch frame.payload {
    case .goAway(let last, let code, _):
      // RFC 9113, 6.8: streams above the last one named are not going to be answered.
      if last == .rootStream { run.finish(.failed(closed("GOAWAY \(name(code))"))) }
      goAway = code
    case .headers(let part) where frame.streamID == 1:
      run.phase = .body
      take(judge.headers(part.headers, isLast: part.endStream))
    case .data(let part) where frame.streamID == 1:
      guard case .byteBuffer(let bytes) = part.data else { return }
      take(judge.data(bytes, isLast: part.endStream))
    case .rstStream(let code) where frame.streamID == 1:
      run.finish(.failed("call reset by peer: \(name(code)) (phase \(run.phase.rawValue))"))
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? IOError, isOwnTrouble(error.errnoCode) {
      return run.finish(.inconclusive(FailureText.of(error, in: run.phase)))
    }
    run.finish(.failed(FailureText.of(error, in: run.phase)))
  }

  func channelInactive(context: ChannelHandlerContext) {
    // A connection that the run did not take.
    if run.phase == .connect { return }
    if let error = sendError as? IOError { return errorCaught(context: context, error: error) }
    if let goAway { return run.finish(.failed(closed("GOAWAY \(name(goAway))"))) }
    run.finish(.failed(FailureText.closed(in: run.phase)))
  }

  private func take(_ verdict: ProbeResult?) {
    if let verdict { run.finish(verdict) }
  }

  private func closed(_ why: String) -> String {
    "connection closed by peer: \(why) (phase \(run.phase.rawValue))"
  }

  /// RFC 9113, 7.
  private func name(_ code: HTTP2ErrorCode) -> String {
    let names = [
      "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
      "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
      "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]
    return names.indices.contains(code.networkCode)
      ? names[code.networkCode] : "\(code.networkCode)"
  }
}
