import CSocketDiag
import Glibc
import NIOCore

/// Passes while the listen queue of the server is no fuller than it may be, without sending anything
/// to the server: a program that stopped accepting is found out before a client times out.
final class BacklogProbe: Probe {
  /// The passed socket, if the target is one.
  private let passed: CInt?
  private let limit: BacklogSpec.Limit
  private let peers: Peers
  private let diag: SocketDiag
  /// For messages.
  private let place: String

  /// - Throws: `SpecError` where the kernel will never tell: a check that can say nothing is none.
  init(
    _ spec: BacklogSpec, place: String, peers: Peers, diag: SocketDiag
  ) throws(SpecError) {
    self.place = place
    self.peers = peers
    self.diag = diag
    limit = spec.limit
    passed = peers.acceptQueue?.listener
    do throws(SocketDiag.Trouble) {
      if passedQueue == nil { _ = try queues() }
    } catch {
      if case .blind(let text) = error {
        throw SpecError("a listen queue cannot be seen here: \(text)")
      }
    }
  }

  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    let completion = Completion(loop, done)
    look(on: loop, completion.call)
    completion.started()
    return Running(completion)
  }

  private final class Running: RunningProbe {
    /// It is over at once, and never delayed.
    var delayed: ((TimeAmount) -> Void)? = nil

    private let completion: Completion
    init(_ completion: Completion) { self.completion = completion }
    func cancel() { completion.cancel() }
  }

  private func look(on loop: any EventLoop, _ done: @escaping (ProbeResult) -> Void) {
    // It is vouch's own socket: who else listens there makes no difference.
    if let passedQueue { return done(judge([passedQueue])) }
    let sockets: [ListeningSocket]
    do throws(SocketDiag.Trouble) {
      sockets = try queues()
    } catch {
      switch error {
      case .shortage(let text), .blind(let text): return done(.inconclusive(text))
      }
    }
    if sockets.isEmpty { return done(.failed("nobody listens on \(place)")) }
    guard let ownership = peers.ownership, passed == nil else { return done(judge(sockets)) }
    if let owner = ownership.owner(of: sockets, on: loop) {
      return done(judge(sockets, owner, ownership))
    }
    ownership.search(sockets, on: loop) { owner in
      if case .stranger = owner, let now = try? self.queues(),
        Set(now.map(\.inode)) != Set(sockets.map(\.inode))
      {
        // Closed while they were looked for, they were in nobody's hands.
        return done(.inconclusive("the listening sockets of \(self.place) change"))
      }
      done(self.judge(sockets, owner, ownership))
    }
  }

  /// The queue of a passed TCP socket, which needs no other socket to be asked.
  private var passedQueue: ListeningSocket? {
    guard let passed else { return nil }
    var socket = ListeningSocket(inode: 0, user: nil, queued: 0, backlog: 0)
    return csocketdiag_tcp_queue(passed, &socket.queued, &socket.backlog) == 0 ? socket : nil
  }

  private func queues() throws(SocketDiag.Trouble) -> [ListeningSocket] {
    var found: [ListeningSocket] = []
    for address in peers.addresses { found += try diag.listeners(at: address) }
    guard let passed else { return found }
    let inode = csocketdiag_inode(passed)
    return found.filter { $0.inode == inode }
  }

  private func judge(
    _ sockets: [ListeningSocket], _ owner: AnswerOwner, _ ownership: Ownership
  ) -> ProbeResult {
    switch owner {
    case .stranger(let process): return .failed("listened on by \(process)")
    case .unseen: ownership.tell(Ownership.hidden)
    case .own, .either, .nobody: break
    }
    return judge(sockets)
  }

  private func judge(_ sockets: [ListeningSocket]) -> ProbeResult {
    // The fullest counts: its clients are the ones that wait.
    let fullest = sockets.max { BacklogJudge.share($0) < BacklogJudge.share($1) }!
    return BacklogJudge.judge(fullest, limit)
  }
}

/// What a queue's length means.
enum BacklogJudge {
  /// In percent, rounded down. Linux lets one connection more in than the backlog says (listen(2)),
  /// so that it may be above 100.
  static func share(_ socket: ListeningSocket) -> Int {
    Int(socket.queued) * 100 / max(Int(socket.backlog), 1)
  }

  static func judge(_ socket: ListeningSocket, _ limit: BacklogSpec.Limit) -> ProbeResult {
    let queue = "listen queue \(socket.queued) of \(socket.backlog)"
    switch limit {
    case .percent(let most):
      if Int(socket.queued) * 100 <= most * max(Int(socket.backlog), 1) { return .passed(queue) }
      return .failed("\(queue) (\(share(socket)) %), at most \(most) %")
    case .count(let most):
      return Int(socket.queued) <= most ? .passed(queue) : .failed("\(queue), at most \(most)")
    }
  }
}
