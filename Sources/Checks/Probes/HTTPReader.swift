import NIOCore
import NIOHTTP1

/// Takes what NIO's decoder makes of the answer, or what went wrong, to the verdict.
final class HTTPReader: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let run: HTTPRun
  private var judge: HTTPJudge

  init(_ run: HTTPRun, _ judge: HTTPJudge) {
    self.run = run
    self.judge = judge
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // After a verdict the decoder still hands on what it had already received.
    if run.isOver { return }
    let verdict: ProbeResult?
    switch unwrapInboundIn(data) {
    case .head(let head):
      run.phase = .body
      verdict = judge.head(head)
    case .body(let bytes):
      verdict = judge.body(bytes)
    case .end:
      verdict = judge.end()
    }
    if let verdict { run.finish(verdict) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? IOError, isOwnTrouble(error.errnoCode) {
      return run.finish(.inconclusive(FailureText.of(error, in: run.phase)))
    }
    run.finish(.failed(FailureText.of(error, in: run.phase)))
  }

  /// The decoder says nothing of an end before the first byte.
  func channelInactive(context: ChannelHandlerContext) {
    if let error = run.sendError as? IOError { return errorCaught(context: context, error: error) }
    run.finish(.failed(FailureText.closed(in: run.phase)))
  }
}
