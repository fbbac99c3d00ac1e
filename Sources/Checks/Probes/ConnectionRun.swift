import CSocketDiag
import Glibc
import NIOCore
import NIOPosix

/// One run of a probe that needs a connection: it finds the addresses, tries them one after another
/// and hands the connection to the subclass, all under one deadline. The loop's thread is the only
/// one to touch it.
class ConnectionRun: RunningProbe, Deadlines.Handler, @unchecked Sendable {
  /// Where the time went, or what was going on when it failed.
  enum Phase: String {
    case resolve, connect, accept
    case tls = "TLS"
    case send, head, body
  }

  final let loop: any EventLoop
  final var phase = Phase.connect
  /// Once true, whatever still arrives is of no interest.
  private(set) final var isOver = false
  /// The inode of the connection's own socket, where it is one over a Unix socket.
  private(set) final var unixClient: UInt32 = 0

  final let peers: Peers
  private let limit: TimeAmount
  private var deadline: NIODeadline
  private let completion: Completion
  private let deadlines: Deadlines
  private var watch: Deadlines.Watch? = nil
  /// What was lost of the probe's time, as far as it was told.
  private var lost = TimeAmount.zero
  final var delayed: ((TimeAmount) -> Void)? = nil
  private var hasWaited = false
  /// While several addresses are tried: how long the present one has, and until when.
  private var share: (time: TimeAmount, end: NIODeadline)? = nil
  private var channel: (any Channel)? = nil
  private var untried: ArraySlice<PeerAddress> = []
  /// The number of the present attempt to connect; what comes of an earlier one is of no interest.
  private var attempt = 0
  private var failures = ConnectFailures()
  /// Whose answer it is; nil where anybody's will do.
  private let owner: OwnerCheck?
  /// While a connection is looked for that the generation to be judged has accepted.
  private var seek: GenerationSeek?
  /// A connection is being given up for another one: what it still brings is of no interest.
  private var isLeaving = false

  init(
    peers: Peers, deadlines: Deadlines, loop: any EventLoop, timeout: TimeAmount,
    done: @escaping (ProbeResult) -> Void
  ) {
    self.peers = peers
    self.deadlines = deadlines
    self.loop = loop
    limit = timeout
    deadline = .now() + timeout
    completion = Completion(loop, done)
    owner = peers.ownership.map { OwnerCheck($0, memory: peers.ownerMemory, loop: loop) }
  }

  // MARK: What the kinds of probes fill in

  /// The first byte that goes out on a connection; nil where nothing does.
  var opening: UInt8? { nil }

  /// Adds the handlers to a fresh channel.
  func prepare(_ channel: any Channel) throws {}

  /// The connection stands.
  func connected(_ channel: any Channel) {}

  /// Closes the connection without waiting for anything.
  func close(_ channel: any Channel) {
    channel.close(promise: nil)
  }

  // MARK: The run

  final func start() {
    loop.preconditionInEventLoop()
    watch = deadlines.beginWatch(limit: limit)
    deadlines.arm(self, at: deadline, on: loop)
    switch peers.source {
    case .known:
      untried = peers.addresses[...]
      tryNext()
    case .name(let lookup):
      phase = .resolve
      lookup.ask(on: loop, resolved)
    }
    completion.started()
  }

  final func cancel() {
    if !isOver { end() }
    // It may be over and `done` still on its way.
    completion.cancel()
  }

  /// The probe has found what it was to find out. Only the first call counts.
  final func finish(_ result: ProbeResult) {
    if isOver || isLeaving || owner?.keeps(result) == true { return }
    conclude(result)
  }

  private func conclude(_ result: ProbeResult) {
    if isOver { return }
    let late = deadlines.lateness
    end()
    if case .passed(let detail) = result, late > Deadlines.latenessAllowed {
      completion.call(.stale(detail, late: late))
    } else {
      completion.call(result)
    }
  }

  final func deadlineCame() {
    if isOver { return }
    if let share, share.end < deadline {
      failures.add(noAnswer(within: share.time))
      deadlines.arm(self, at: deadline, on: loop)
      // What still comes of this attempt is of no interest.
      attempt += 1
      seek?.drop()
      seek = nil
      if let channel { giveUp(channel) }
      return next()
    }
    if waitsForTurn() { return }
    if goesOn() { return }
    if owner?.kept != nil {
      return conclude(.inconclusive("whose answer it was could not be found out in time"))
    }
    if let result = seek?.verdict { return conclude(result) }
    if owner?.isAccepting == true { phase = .accept }
    end()
    completion.call(.timedOut(timeoutReason(within: limit)))
  }

  /// A loop that is late, if only with work of its own, may have the answer lying before it: what is
  /// ready in this turn is read first.
  private func waitsForTurn() -> Bool {
    if hasWaited || deadlines.lateness <= Deadlines.latenessAllowed { return false }
    hasWaited = true
    loop.assumeIsolated().execute { self.deadlineCame() }
    return true
  }

  /// Whether some of the time was lost, so that the probe goes on for as long.
  private func goesOn() -> Bool {
    guard let watch else { return false }
    let more = deadlines.lost(of: watch) - lost
    guard more > Deadlines.latenessAllowed else { return false }
    lost = lost + more
    hasWaited = false
    // From the end that it had: what vouch was late in coming here is part of what was lost.
    deadline = deadline + more
    deadlines.arm(self, at: deadline, on: loop)
    delayed?(more)
    return true
  }

  /// Closes with a FIN, also where nobody answered: a server that comes to a request which nobody
  /// waits for any more then finds an ordinary client gone, and not an error to report.
  private func end() {
    isOver = true
    if let watch { deadlines.endWatch(watch) }
    deadlines.disarm(self)
    peers.own?.end(self)
    owner?.drop()
    seek?.drop()
    seek = nil
    if case .name(let lookup) = peers.source, phase == .resolve { lookup.leave() }
    guard let channel else { return }
    self.channel = nil
    giveUp(channel)
  }

  private func giveUp(_ channel: any Channel) {
    peers.own?.willClose(channel)
    close(channel)
  }

  /// What to say when the time is up.
  func timeoutReason(within time: TimeAmount) -> String { noAnswer(within: time) }

  private func noAnswer(within time: TimeAmount) -> String {
    "no answer within \(DurationText.format(.nanoseconds(time.nanoseconds))) "
      + "(phase \(phase.rawValue))"
  }

  private func resolved(_ answer: NameLookup.Answer) {
    if isOver { return }
    switch answer {
    case .found(let addresses):
      untried = addresses.map(PeerAddress.ip)[...]
      tryNext()
    case .failed(let reason): finish(.failed("\(reason) (phase resolve)"))
    case .ownTrouble(let reason): finish(.inconclusive(reason))
    }
  }

  /// Connects to the next address, with its share of the time that is left.
  private func tryNext() {
    guard let address = untried.popFirst() else { return finish(failures.verdict) }
    phase = .connect
    peers.own?.begin(self)
    giveShare()
    if let ownership = peers.ownership, let generation = peers.generation,
      ownership.mustTell(generation)
    {
      return look(for: generation, ownership, at: address)
    }
    if let result = owner?.beforeConnecting(to: address) { return conclude(result) }
    connect(to: address)
  }

  /// - Parameter line: a connection that stands, and is known to be the right one.
  private func connect(
    to address: PeerAddress, by line: (descriptor: CInt, isOpened: Bool)? = nil
  ) {
    let bootstrap = ClientBootstrap(group: loop)
      // The deadlines are ours: NIO's would leave its timer armed.
      .connectTimeout(.hours(24))
      .channelInitializer { channel in
        self.channel = channel
        do {
          if line?.isOpened == true {
            try channel.pipeline.syncOperations.addHandler(SkipFirst())
          } else if line == nil, let holdBack = self.owner?.makeHoldBack() {
            try channel.pipeline.syncOperations.addHandler(holdBack)
          }
          try self.prepare(channel)
          return channel.eventLoop.makeSucceededVoidFuture()
        } catch {
          return channel.eventLoop.makeFailedFuture(error)
        }
      }
    let connecting: EventLoopFuture<any Channel>
    switch address {
    case _ where line != nil:
      if case .unix = address { unixClient = csocketdiag_inode(line!.descriptor) }
      connecting = bootstrap.withConnectedSocket(line!.descriptor)
    case .ip(let address):
      connecting = bootstrap.connect(to: address)
    case .unix(let address):
      switch address.connect() {
      case .failure(let error): return failed(with: error.code, at: .unix(address))
      case .success(let descriptor):
        unixClient = csocketdiag_inode(descriptor)
        owner?.unixClient = unixClient
        connecting = bootstrap.withConnectedSocket(descriptor)
      }
    }
    attempt += 1
    connecting.assumeIsolated().whenComplete { [attempt] result in
      switch result {
      case .success(let channel) where attempt == self.attempt:
        self.connected(channel, to: address, isKnown: line != nil)
      case .failure(let error) where attempt == self.attempt: self.failed(with: error, at: address)
      // Its share was over, and it was closed.
      case .success(let channel): channel.close(promise: nil)
      case .failure: break
      }
    }
  }

  private func look(
    for generation: Int, _ ownership: Ownership, at address: PeerAddress
  ) {
    attempt += 1
    let seek = GenerationSeek(
      address, generation: generation, ownership: ownership, opening: opening,
      passed: peers.acceptQueue?.listener, loop: loop,
      connected: {
        self.phase = .accept
        self.hasConnected()
      },
      found: { found in
        self.seek = nil
        switch found {
        case .line(let descriptor, let isOpened):
          self.phase = .connect
          self.connect(to: address, by: (descriptor, isOpened))
        case .refused(let code): self.failed(with: code, at: address)
        case .end(let result): self.conclude(result)
        }
      })
    self.seek = seek
    seek.start()
  }

  /// What is left of the time is for this address.
  private func hasConnected() {
    if share != nil { deadlines.arm(self, at: deadline, on: loop) }
    share = nil
  }

  /// The last address has all the time that is left, one before it an equal part.
  private func giveShare() {
    let now = NIODeadline.now()
    if untried.isEmpty {
      if share != nil { deadlines.arm(self, at: deadline, on: loop) }
      share = nil
    } else {
      let time = TimeAmount.nanoseconds((deadline - now).nanoseconds / Int64(untried.count + 1))
      share = (time, now + time)
      deadlines.arm(self, at: now + time, on: loop)
    }
  }

  private func connected(
    _ channel: any Channel, to address: PeerAddress, isKnown: Bool
  ) {
    if isOver { return channel.close(promise: nil) }
    if isConnectedToItself(channel.localAddress, channel.remoteAddress) {
      _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      channel.close(promise: nil)
      return failed(with: ECONNREFUSED, at: address)
    }
    hasConnected()
    peers.prefer(address)
    peers.own?.note(channel, unixClient: unixClient)
    peers.own?.end(self)
    guard let owner, !isKnown else { return connected(channel) }
    let step = owner.connected(channel, to: address) { step in
      if case .goOn = step {
        if let result = owner.kept { self.conclude(result) }
      } else {
        self.take(step, at: address)
      }
    }
    if case .goOn = step { connected(channel) } else { take(step, at: address) }
  }

  private func take(_ step: OwnerCheck.Step, at address: PeerAddress) {
    switch step {
    case .goOn: break
    case .again: leave(for: address)
    case .end(let result): conclude(result)
    }
  }

  /// Gives up the connection and makes another one, to the same address.
  private func leave(for address: PeerAddress) {
    guard let channel, !isOver else { return }
    owner?.drop()
    isLeaving = true
    attempt += 1
    untried = [address] + untried
    giveUp(channel)
    channel.closeFuture.assumeIsolated().whenComplete { _ in
      if self.isOver { return }
      self.isLeaving = false
      self.next()
    }
  }

  private func failed(with error: any Error, at address: PeerAddress) {
    if isOver { return }
    if let error = error as? IOError {
      failed(with: error.errnoCode, at: address)
    } else {
      finish(.failed(FailureText.of(error, in: phase)))
    }
  }

  private func failed(with code: CInt, at address: PeerAddress) {
    if failures.add(code, at: address) { next() } else { finish(failures.verdict) }
  }

  private func next() {
    channel = nil
    tryNext()
  }
}

/// A port that nobody listens on may lie in the range from which the kernel takes the ports of
/// outgoing connections. Now and then it picks the very port that is to be connected to, and TCP
/// then connects the socket with itself (RFC 9293, 3.5: simultaneous open).
func isConnectedToItself(_ local: SocketAddress?, _ remote: SocketAddress?) -> Bool {
  guard let local, let remote, local.port != nil else { return false }
  return local == remote
}
