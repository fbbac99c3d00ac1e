import Glibc
import NIOCore

/// Finds a connection that a process of one generation has accepted, where several generations take
/// connections from the same address.
///
/// Nothing is sent before it is known who gets it: a connection is made, its acceptance is waited for,
/// and it is seen which process has it. One that another generation accepted is closed at once, so that
/// no worker of that generation waits for a request that does not come; then it is tried anew
/// (`SeekPace`), until the probe's time is up.
final class GenerationSeek: @unchecked Sendable {
  enum Found {
    /// The connection to go on with. `isOpened`: its first byte was sent.
    case line(CInt, isOpened: Bool)
    /// Nobody is to be connected to, with errno.
    case refused(CInt)
    case end(ProbeResult)
  }

  /// How long a connection waits to be accepted before its first byte is sent, where it is not known
  /// whether the socket defers.
  private static let openAfter = TimeAmount.milliseconds(100)

  private let address: PeerAddress
  private let generation: Int
  private let ownership: Ownership
  private let opening: UInt8?
  private let passed: CInt?
  private let loop: any EventLoop
  private let connected: () -> Void
  private let found: (Found) -> Void
  private let since = NIODeadline.now()

  private var lines: [SeekLine] = []
  /// Those of this round that another generation accepted. They keep it busy while the rest of the
  /// round waits for the wanted one, for a moment (`SeekPace.grace`).
  private var held: [SeekLine] = []
  private var roundSince = NIODeadline.now()
  /// Those that were accepted, while it is looked for by whom.
  private var accepted: [(line: SeekLine, inode: UInt32, user: UInt32?)] = []
  private var round = 0
  private var searches = 0
  private var isAlone = false
  private var isOver = false
  private var isConnected = false
  /// Whether those that still wait to be accepted are given up at the next look.
  private var isClosing = false
  private var pause: TimeAmount?
  private var next: Scheduled<Void>?

  // What was seen, for the verdict when the time is up.
  private var others = 0
  private var unseen = 0
  private var gone = 0
  /// How many connections were made.
  private(set) var attempts = 0

  /// - Parameters:
  ///   - opening: the first byte of what is to be sent, if anything is.
  ///   - passed: the passed socket behind the address, if it is one.
  ///   - connected: called on the loop once a connection stands, accepted or not.
  ///   - found: called on the loop, once, after `start` has returned.
  init(
    _ address: PeerAddress, generation: Int, ownership: Ownership, opening: UInt8?, passed: CInt?,
    loop: any EventLoop, connected: @escaping () -> Void, found: @escaping (Found) -> Void
  ) {
    self.address = address
    self.generation = generation
    self.ownership = ownership
    self.opening = opening
    self.passed = passed
    self.loop = loop
    self.connected = connected
    self.found = found
  }

  func start() {
    do throws(SocketDiag.Trouble) {
      let listeners = try ownership.diag.listeners(at: address)
      if let owner = ownership.owner(of: listeners, on: loop) {
        take(owner)
        wait(.zero) { $0.connect() }
      } else {
        ownership.search(listeners, on: loop) { owner in
          if self.isOver { return }
          self.take(owner)
          self.connect()
        }
      }
    } catch {
      let result = Self.result(error)
      wait(.zero) { $0.end(.end(result)) }
    }
  }

  /// Gives it up: `found` is not called any more.
  func drop() {
    isOver = true
    next?.cancel()
    next = nil
    for line in lines { line.close() }
    for entry in accepted { entry.line.close() }
    lines = []
    accepted = []
    letGo()
  }

  private func letGo() {
    for line in held { line.close() }
    held = []
  }

  /// What to say when the time is up; nil where no connection was accepted.
  var verdict: ProbeResult? {
    if others > 0 { return .timedOut("answered by the old generation only") }
    if unseen > 0 { return .failed("whose answers they are cannot be seen: \(Ownership.hidden)") }
    if gone > 0 { return .timedOut(FailureText.closed(in: .accept)) }
    return nil
  }

  // MARK: -

  /// Whether nobody but the child's tree has the listening sockets: then who is not of the wanted
  /// generation is of another one.
  private func take(_ owner: AnswerOwner) {
    if case .own = owner { isAlone = true } else { isAlone = false }
  }

  private func wait(_ pause: TimeAmount, _ body: @escaping (GenerationSeek) -> Void) {
    next?.cancel()
    next = loop.assumeIsolated().scheduleTask(in: pause) {
      if !self.isOver { body(self) }
    }
  }

  private func end(_ found: Found) {
    drop()
    self.found(found)
  }

  /// One more round.
  private func connect() {
    let burst = burst()
    round += 1
    pause = nil
    roundSince = .now()
    for _ in 0..<burst.knocks {
      guard let line = try? SeekLine(to: address) else { break }
      line.close()
      attempts += 1
    }
    while lines.count < burst.lines {
      do throws(ConnectError) {
        lines.append(try SeekLine(to: address))
        attempts += 1
      } catch {
        // A full queue, or no descriptor left: what there is may do.
        if lines.isEmpty { return end(.refused(error.code)) }
        break
      }
    }
    look()
  }

  private func burst() -> SeekPace.Burst {
    let burst = SeekPace.burst(inRound: round)
    if burst == .single { return burst }
    // Of several sockets that share the address the kernel picks any.
    guard let queues = try? ownership.diag.listeners(at: address), !queues.isEmpty else {
      return .single
    }
    return burst.fitting(
      queued: Int(queues.map(\.queued).max() ?? 0), backlog: Int(queues.map(\.backlog).min() ?? 0))
  }

  private func look() {
    var waiting: [SeekLine] = []
    var failure: CInt?
    for var line in lines {
      let side: SeekLine.Side
      do throws(SocketDiag.Trouble) {
        side = try line.side(ownership.diag)
      } catch {
        return end(.end(Self.result(error)))
      }
      noteConnected(side)
      switch side {
      case .connecting where isClosing, .waiting where isClosing: line.close()
      case .connecting: waiting.append(line)
      case .waiting:
        openIfNeeded(&line)
        waiting.append(line)
      case .accepted(let inode, let user): accepted.append((line, inode, user))
      case .gone:
        gone += 1
        line.close()
      case .failed(let code):
        failure = code
        line.close()
      case .elsewhere:
        // Generations are this machine's affair alone.
        lines.removeAll { $0.descriptor == line.descriptor }
        return end(.line(line.descriptor, isOpened: line.isOpened))
      }
    }
    lines = waiting
    isClosing = false
    if !accepted.isEmpty { return attribute() }
    if lines.isEmpty {
      if let failure { return end(.refused(failure)) }
      return again()
    }
    if !held.isEmpty { return goOn() }
    let pause = SeekPace.look(after: pause)
    self.pause = pause
    wait(pause) { $0.look() }
  }

  private func noteConnected(_ side: SeekLine.Side) {
    if isConnected || side == .connecting { return }
    if case .failed = side { return }
    isConnected = true
    connected()
  }

  private func again() {
    letGo()
    wait(SeekPace.pause(after: .now() - since)) { $0.connect() }
  }

  private func openIfNeeded(_ line: inout SeekLine) {
    guard let opening, !line.isOpened, case .ip = address else { return }
    if let passed {
      var seconds: CInt = 0
      var length = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(passed, CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, &seconds, &length)
      if seconds == 0 { return }
    } else if line.age < Self.openAfter {
      return
    }
    line.open(with: opening)
  }

  /// Looks who has the accepted connections.
  private func attribute() {
    searches += 1
    let looksEverywhere = !isAlone || searches & (searches - 1) == 0
    ownership.attribute(
      accepted.map(\.inode), to: generation, looksEverywhere: looksEverywhere, on: loop
    ) { sides in
      if self.isOver { return }
      self.attributed(sides)
    }
  }

  private func attributed(_ sides: [UInt32: MemberSearch.Side]) {
    var stranger: (inode: UInt32, user: UInt32?)?
    var chosen: SeekLine?
    for (line, inode, user) in accepted {
      switch sides[inode] ?? .nobody {
      case .wanted where chosen == nil:
        chosen = line
        continue
      case .wanted: break
      case .other:
        others += 1
        if !lines.isEmpty, isWithinGrace {
          held.append(line)
          continue
        }
      case .nobody:
        // Handed over from process to process, or closed, while it was looked for.
        guard case .accepted? = try? line.side(ownership.diag) else {
          gone += 1
          break
        }
        if isAlone { unseen += 1 } else { stranger = (inode, user) }
      }
      if chosen?.descriptor != line.descriptor, stranger?.inode != inode { line.close() }
    }
    let left = accepted
    accepted = []
    if let chosen {
      for entry in left where entry.inode == stranger?.inode { entry.line.close() }
      return end(.line(chosen.descriptor, isOpened: chosen.isOpened))
    }
    if let stranger, let entry = left.first(where: { $0.inode == stranger.inode }) {
      accepted = [entry]
      return name(stranger.inode, stranger.user)
    }
    goOn()
  }

  private var isWithinGrace: Bool {
    NIODeadline.now() - roundSince < SeekPace.grace(after: roundSince - since)
  }

  /// What of a burst was not accepted by now would be by the worker that has just had one of it: it is
  /// not to wait for vouch once for each.
  private func goOn() {
    if lines.isEmpty { return again() }
    if isWithinGrace { return wait(.milliseconds(1)) { $0.look() } }
    letGo()
    isClosing = true
    look()
  }

  /// Nobody of the tree has it, and a stranger may: says who.
  private func name(_ inode: UInt32, _ user: UInt32?) {
    ownership.search(connection: inode, of: user, on: loop) { standing in
      if self.isOver { return }
      for entry in self.accepted { entry.line.close() }
      self.accepted = []
      switch standing {
      case .stranger(let stranger?):
        self.end(.end(.failed("answered by \(AnswerOwner.words(stranger, user: user))")))
      case .own, .shared, .closed: self.goOn()
      case .stranger(nil), .unseen:
        self.unseen += 1
        self.goOn()
      }
    }
  }

  private static func result(_ trouble: SocketDiag.Trouble) -> ProbeResult {
    switch trouble {
    case .shortage(let text): .inconclusive(text)
    // Not knowing must not take a generation for another.
    case .blind(let text): .failed("which generation answers cannot be seen: \(text)")
    }
  }
}
