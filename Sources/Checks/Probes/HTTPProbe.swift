import NIOCore
import NIOHTTP1

/// Passes when a whole answer arrives whose status and body are as expected: one
/// connection, closed after it; no proxy, no redirects.
final class HTTPProbe: Probe {
  private let peers: Peers
  private let exchange: HTTPExchange
  private let deadlines: Deadlines

  init(
    _ spec: HTTPSpec, peers: Peers, deadlines: Deadlines, version: String
  ) throws(SpecError) {
    self.peers = peers
    self.deadlines = deadlines
    exchange = try HTTPExchange(spec, version: version)
  }

  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    exchange.tls?.refresh()
    let run = HTTPRun(
      exchange, peers: peers, deadlines: deadlines, loop: loop, timeout: timeout, done: done)
    run.start()
    return run
  }
}

/// What is the same in every run of one HTTP check, made once.
final class HTTPExchange {
  /// The request as it goes out.
  let request: ByteBuffer
  /// NIO's decoder has to know the method: the answer to HEAD has no body.
  let head: HTTPClientRequestPart
  let expected: StatusSet
  let body: BodyMatcher?
  let json: [JSONExpectation]
  let tls: TLSClient?

  init(_ spec: HTTPSpec, version: String) throws(SpecError) {
    request = ByteBuffer(string: HTTPRequestText.make(spec, version: version))
    head = .head(
      HTTPRequestHead(
        version: .http1_1, method: HTTPMethod(rawValue: spec.method), uri: spec.target.path))
    expected = spec.expected
    if let pattern = spec.body { body = try BodyMatcher(pattern) } else { body = nil }
    json = spec.json
    if let tls = spec.tls { self.tls = try TLSClient(tls) } else { tls = nil }
  }
}

/// One request and its answer.
final class HTTPRun: ConnectionRun, @unchecked Sendable {
  private let exchange: HTTPExchange
  /// Of the present connection; nil for http.
  private var line: TLSLine? = nil
  /// What went wrong with sending; the connection's end tells it.
  private(set) var sendError: (any Error)? = nil

  init(
    _ exchange: HTTPExchange, peers: Peers, deadlines: Deadlines, loop: any EventLoop,
    timeout: TimeAmount, done: @escaping (ProbeResult) -> Void
  ) {
    self.exchange = exchange
    super.init(peers: peers, deadlines: deadlines, loop: loop, timeout: timeout, done: done)
  }

  /// Of a request the method's first letter; of TLS the record type of a handshake (RFC 8446, 5.1).
  override var opening: UInt8? {
    exchange.tls == nil ? exchange.request.readableBytesView.first : 22
  }

  override func prepare(_ channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    if let tls = exchange.tls {
      let line = TLSLine()
      self.line = line
      try pipeline.addHandler(line)
      try pipeline.addHandler(try tls.makeHandler())
    }
    try pipeline.addHandler(HTTPWire(self, request: exchange.request))
    try pipeline.addHandler(
      ByteToMessageHandler(HTTPResponseDecoder(limitConfiguration: HTTPWire.decoderLimits)))
    try pipeline.addHandler(
      HTTPReader(
        self,
        HTTPJudge(expected: exchange.expected, body: exchange.body, json: exchange.json)))
  }

  override func connected(_ channel: any Channel) {
    // NIOSSL holds the request back until the handshake is done.
    phase = exchange.tls == nil ? .send : .tls
    sendError = nil
    let sent = loop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { result in
      switch result {
      case .success:
        if self.phase == .send || self.phase == .tls { self.phase = .head }
      case .failure(let error): self.sendError = error
      }
    }
    channel.writeAndFlush(exchange.head, promise: sent)
  }

  /// A failure that vouch's own certificates may be the reason of. Where those were renewed and the
  /// new ones cannot be used, it says nothing of the child (rule 7).
  func finishAsDoubtful(_ reason: String) {
    if let trouble = exchange.tls?.trouble {
      finish(.inconclusive("\(trouble); with the former: \(reason)"))
    } else {
      finish(.failed(reason))
    }
  }

  /// What to add to a pass: nobody else would tell before the former certificates expire.
  var passNote: String {
    exchange.tls?.trouble.map { " with the former certificates: \($0)," } ?? ""
  }

  override func close(_ channel: any Channel) {
    if let line { line.close() } else { channel.close(promise: nil) }
  }
}
