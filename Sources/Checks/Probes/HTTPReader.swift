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
      // So a server says that it does not take a client's certificate, or misses one.
      if case .failed(let reason) = verdict, (400..<500).contains(head.status.code) {
        return run.finishAsDoubtful(reason)
      }
    case .body(let bytes):
      verdict = judge.body(bytes)
    case .end:
      verdict = judge.end()
    }
    switch verdict {
    case nil: break
    case .passed(let what): run.finish(.passed(what + run.passNote))
    case let verdict?: run.finish(verdict)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? IOError, isOwnTrouble(error.errnoCode) {
      return run.finish(.inconclusive(FailureText.of(error, in: run.phase)))
    }
    let reason = FailureText.of(error, in: run.phase)
    // Certificates are refused in the handshake, or by an alert right after it.
    let concernsTLS = !(error is IOError || error is HTTPParserError) || run.phase == .tls
    if concernsTLS { run.finishAsDoubtful(reason) } else { run.finish(.failed(reason)) }
  }

  /// The decoder says nothing of an end before the first byte.
  func channelInactive(context: ChannelHandlerContext) {
    // A connection that was given up for the next one.
    if run.phase == .connect { return }
    if let error = run.sendError as? IOError { return errorCaught(context: context, error: error) }
    run.finish(.failed(FailureText.closed(in: run.phase)))
  }
}
