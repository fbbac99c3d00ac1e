import NIOCore

/// Rule 6 for one run of a probe: finds out whose answer it gets.
///
/// The quick way: if every listening socket that the connection may have ended up in is the child's
/// alone, and was there before the connection was made, then nobody else can have accepted it. That
/// costs one question to the kernel and one readlink(2), and no time in which the answer waits.
///
/// The careful way, where the child shares the address with a stranger (SO_REUSEPORT, a passed
/// socket that an old instance holds as well), or nobody listens any more: the last byte of the
/// request waits until the connection was accepted, and until the process that has it was found.
final class OwnerCheck: @unchecked Sendable {
  /// How the run goes on.
  enum Step {
    case goOn
    /// Connect once more: what was seen says nothing of this connection.
    case again
    case end(ProbeResult)
  }

  private enum State {
    case settled
    /// Waits for who holds the listening sockets.
    case searching
    /// Waits until the connection is accepted.
    case accepting
    /// Waits for who holds the accepted connection.
    case attributing
  }

  private let ownership: Ownership
  private let memory: OwnerMemory
  private let loop: any EventLoop
  private var state = State.settled
  /// The number of the present connection; what comes of an earlier one is of no interest.
  private var connection = 0
  private var rounds = 0
  private var holdBack: HoldBack?
  /// The inode of the present connection's own socket, where it is one over a Unix socket.
  var unixClient: UInt32 = 0
  private var pause = TimeAmount.milliseconds(1)
  private var look: Scheduled<Void>?
  /// What the probe itself found, while it is not known whose answer that was.
  private(set) var kept: ProbeResult?

  init(_ ownership: Ownership, memory: OwnerMemory, loop: any EventLoop) {
    self.ownership = ownership
    self.memory = memory
    self.loop = loop
  }

  var isAccepting: Bool { if case .accepting = state { true } else { false } }

  /// Before the connection: the listening sockets as they are now, unless an earlier probe has seen
  /// them already.
  func beforeConnecting(to address: PeerAddress) -> ProbeResult? {
    guard memory.seen[address]?.isEmpty ?? true else { return nil }
    do throws(SocketDiag.Trouble) {
      memory.seen[address] = Set(try listeners(at: address).map(\.inode))
      return nil
    } catch {
      return trouble(error)
    }
  }

  /// To be added next to the socket, where the careful way is needed.
  func makeHoldBack() -> HoldBack? {
    holdBack = memory.isCareful ? HoldBack() : nil
    return holdBack
  }

  /// The connection stands. `settled` is called later on the loop where this is not the whole answer,
  /// and not called any more after `drop()`.
  func connected(
    _ channel: any Channel, to address: PeerAddress, _ settled: @escaping (Step) -> Void
  ) -> Step {
    connection += 1
    do throws(SocketDiag.Trouble) {
      guard try isOurs(channel, address) else { return trusted() }
      let sockets = try listeners(at: address)
      let inodes = Set(sockets.map(\.inode))
      let isSame = memory.seen[address] == inodes
      memory.seen[address] = inodes
      if !isSame || sockets.isEmpty {
        // What listens now may not be what listened when this connection was made.
        if holdBack == nil {
          rounds += 1
          if sockets.isEmpty || rounds > 2 { memory.isCareful = true }
          return .again
        }
        waitForServer(channel, address, settled)
        return .goOn
      }
      if let owner = ownership.owner(of: sockets, on: loop) {
        return judge(owner, channel, address, settled)
      }
      state = .searching
      let number = connection
      ownership.search(sockets, on: loop) { owner in
        guard number == self.connection, case .searching = self.state else { return }
        self.state = .settled
        let step =
          self.isOutdated(owner, inodes, address)
          ? .again : self.judge(owner, channel, address, settled)
        // Otherwise it waits on.
        if case .settled = self.state { settled(step) }
      }
      return .goOn
    } catch {
      if let result = trouble(error) { return .end(result) }
      return trusted()
    }
  }

  /// Whether the sockets that the child was not seen to hold are gone: closed while they were looked
  /// for, they were in nobody's hands.
  private func isOutdated(
    _ owner: AnswerOwner, _ inodes: Set<UInt32>, _ address: PeerAddress
  ) -> Bool {
    if case .own = owner { return false }
    guard rounds < 3, let sockets = try? listeners(at: address),
      Set(sockets.map(\.inode)) != inodes
    else { return false }
    rounds += 1
    return true
  }

  /// Whether a result has to wait, or came too late to count.
  func keeps(_ result: ProbeResult) -> Bool {
    if case .settled = state { return false }
    if kept != nil { return true }
    guard case .passed = result else { return false }
    kept = result
    return true
  }

  /// The connection is given up.
  func drop() {
    connection += 1
    look?.cancel()
    look = nil
    state = .settled
    kept = nil
  }

  // MARK: -

  /// The listening sockets that a connection to this address may end up in.
  private func listeners(
    at address: PeerAddress
  ) throws(SocketDiag.Trouble) -> [ListeningSocket] {
    // A first look tells whether it takes connections to its address here at all: not from another
    // network namespace, nor where it is bound to another device.
    if let passed = memory.passed, passed.isAlone, memory.seen[address] == [passed.inode] {
      return [ListeningSocket(inode: passed.inode, user: nil, queued: 0, backlog: 0)]
    }
    return try ownership.diag.listeners(at: address)
  }

  /// Rule 6 speaks of this machine alone. Any other address than loopback may be one of its own: then
  /// the server's side of the connection is among the sockets of this network namespace.
  private func isOurs(
    _ channel: any Channel, _ address: PeerAddress
  ) throws(SocketDiag.Trouble) -> Bool {
    guard case .ip(let socket) = address, let target = IPEndpoint(socket), !target.isLoopback else {
      return true
    }
    guard let (server, client) = ends(channel) else { return false }
    return try ownership.diag.server(server, client: client) != nil
  }

  private func ends(_ channel: any Channel) -> (server: IPEndpoint, client: IPEndpoint)? {
    guard let server = channel.remoteAddress.flatMap(IPEndpoint.init),
      let client = channel.localAddress.flatMap(IPEndpoint.init)
    else { return nil }
    return (server, client)
  }

  private func judge(
    _ owner: AnswerOwner, _ channel: any Channel, _ address: PeerAddress,
    _ settled: @escaping (Step) -> Void
  ) -> Step {
    switch owner {
    case .own:
      memory.isCareful = false
      return trusted()
    case .stranger(let process):
      memory.isCareful = true
      return .end(.failed("answered by \(process)"))
    case .nobody where ownership.bindsLate: return trusted()
    case .nobody: return .end(.failed("no process of this service has the socket open"))
    case .unseen:
      ownership.tell(Ownership.hidden)
      return trusted()
    case .either:
      memory.isCareful = true
      if holdBack == nil { return .again }
      waitForServer(channel, address, settled)
      return .goOn
    }
  }

  private func trusted() -> Step {
    state = .settled
    holdBack?.release()
    return .goOn
  }

  /// - Returns: the result, where the trouble makes one.
  private func trouble(_ trouble: SocketDiag.Trouble) -> ProbeResult? {
    switch trouble {
    case .shortage(let text): return .inconclusive(text)
    case .blind(let text):
      ownership.tell(text)
      return nil
    }
  }

  // MARK: The careful way

  /// Waits until the connection is accepted, and then for who holds it.
  private func waitForServer(
    _ channel: any Channel, _ address: PeerAddress, _ settled: @escaping (Step) -> Void
  ) {
    state = .accepting
    pause = .milliseconds(1)
    lookAtServer(channel, address, settled)
  }

  private enum ServerSide {
    case waiting
    case accepted(UInt32, user: UInt32?)
    case gone, elsewhere
  }

  private func serverSide(
    _ channel: any Channel, _ address: PeerAddress
  ) throws(SocketDiag.Trouble) -> ServerSide {
    if case .unix = address {
      let inode = try ownership.diag.unixServer(client: unixClient)
      return inode == 0 ? .waiting : .accepted(inode, user: nil)
    }
    guard let (server, client) = ends(channel) else { return .gone }
    guard let found = try ownership.diag.server(server, client: client) else {
      return memory.seen[address]?.isEmpty ?? true ? .elsewhere : .gone
    }
    if !found.isOpen { return .gone }
    return found.inode == 0 ? .waiting : .accepted(found.inode, user: found.user)
  }

  private func lookAtServer(
    _ channel: any Channel, _ address: PeerAddress, _ settled: @escaping (Step) -> Void
  ) {
    let side: ServerSide
    do throws(SocketDiag.Trouble) {
      side = try serverSide(channel, address)
    } catch {
      let result = trouble(error)
      return later(settled) { result.map { .end($0) } ?? self.trusted() }
    }
    switch side {
    case .waiting: lookAgain(channel, address, settled)
    case .gone:
      // Perhaps a server that answers the unfinished request, and closes: whoever it was, the child
      // is not alone.
      let others =
        ownership.stranger(among: memory.seen[address] ?? []).map {
          "; the address is shared with \($0)"
        } ?? ""
      later(settled) { .end(.failed(FailureText.closed(in: .accept) + others)) }
    case .elsewhere:
      ownership.tell("a connection ends in another network namespace")
      later(settled) { self.trusted() }
    case .accepted(let inode, _) where ownership.isAcceptedAsBefore(connection: inode):
      later(settled) { self.trusted() }
    case .accepted(let inode, let user):
      state = .attributing
      let number = connection
      ownership.search(connection: inode, of: user, on: loop) { standing in
        guard number == self.connection, case .attributing = self.state else { return }
        self.attributed(standing, inode, user, channel, address, settled)
      }
    }
  }

  private func attributed(
    _ standing: Standing, _ inode: UInt32, _ user: UInt32?, _ channel: any Channel,
    _ address: PeerAddress, _ settled: (Step) -> Void
  ) {
    switch standing {
    case .own, .shared, .closed: settled(trusted())
    case .stranger(let stranger?):
      settled(.end(.failed("answered by \(AnswerOwner.words(stranger, user: user))")))
    case .stranger(nil), .unseen:
      guard case .accepted(inode, _)? = try? serverSide(channel, address) else {
        // Closed while it was looked for, it was in nobody's hands.
        return settled(.end(.failed(FailureText.closed(in: .accept))))
      }
      if case .unseen = standing {
        // A worker that runs as another user, perhaps. The listening sockets, which its parent holds,
        // tell more where they were there before the connection.
        if rounds < 2, !ownership.hasTold {
          rounds += 1
          return settled(.again)
        }
        ownership.tell(Ownership.hidden)
        return settled(trusted())
      }
      settled(.end(.failed("answered by \(AnswerOwner.words(nil, user: user))")))
    }
  }

  private func lookAgain(
    _ channel: any Channel, _ address: PeerAddress, _ settled: @escaping (Step) -> Void
  ) {
    let number = connection
    look = loop.assumeIsolated().scheduleTask(in: pause) {
      if number == self.connection { self.lookAtServer(channel, address, settled) }
    }
    pause = min(pause * 2, .milliseconds(20))
  }

  /// Tells the step in the next turn of the loop: `connected` has to return first.
  private func later(_ settled: @escaping (Step) -> Void, _ step: @escaping () -> Step) {
    let number = connection
    loop.assumeIsolated().execute {
      if number == self.connection { settled(step()) }
    }
  }
}
