import CSocketDiag
import Glibc
import NIOCore

/// Knows whose sockets are (rule 6), for all checks together. It belongs to the loop's thread; only
/// the reading of /proc goes on in a thread of its own, one at a time, while an unknown socket is
/// looked for.
///
/// What is known of a listening socket is kept, and is good for as long as
/// - it is among the listening sockets of its address: the caller asks the kernel for them at each
///   probe, but for a passed TCP socket without SO_REUSEPORT, beside which there can be no other;
/// - the process that was found to hold it still does: one readlink(2) at each probe. Processes that
///   come and go without it, the workers of a server for instance, change nothing;
/// - for a socket that came from outside (`passed`): a scan for strangers that hold it as well is
///   repeated every `scanEvery`, or so seldom that it takes no more than a thousandth of the time.
final class Ownership: @unchecked Sendable {
  let diag: SocketDiag
  private let kin: Kin
  private let passed: Set<UInt32>
  private var known: [UInt32: Known] = [:]
  private(set) var hasTold = false
  /// Who of the child's had the last connection that was looked for: a server that is not busy takes
  /// the next one as the same descriptor.
  private var acceptor: Holder?
  private var isSearching = false
  private var waiting: [() -> Void] = []

  private struct Known {
    var standing: Standing
    var goodUntil: NIODeadline
  }

  /// How long a stranger that joins at a passed socket later may go unseen: a second beyond the scan.
  static let scanEvery = TimeAmount.seconds(10)

  /// Beyond this many sockets, as of a server that opens new ones all the time, all is forgotten.
  private static let room = 512

  init(_ kin: Kin, passed: [ListenerAddress], diag: SocketDiag) {
    self.kin = kin
    self.diag = diag
    self.passed = Set(passed.map { csocketdiag_inode($0.descriptor) })
  }

  /// Says what keeps vouch from seeing, the first time.
  func tell(_ obstacle: String) {
    if hasTold { return }
    hasTold = true
    kin.notice(
      "whose answers the checks get cannot be seen, so that all are taken for the program's own: "
        + "\(obstacle) (peer=any turns the look off)")
  }

  /// Whether a passed socket that nobody has yet is still the child's to take.
  var bindsLate: Bool { kin.bindsLate() }

  static let hidden =
    "a process of the program belongs to another user, or keeps its sockets out of sight"

  /// Whose answer it is, by what is known; nil where a search is needed first.
  func owner(of sockets: [ListeningSocket], on loop: any EventLoop) -> AnswerOwner? {
    var standings: [(standing: Standing, user: UInt32?)] = []
    var isOld = false
    for socket in sockets {
      guard let known = known[socket.inode], known.standing.isValid(for: socket.inode) else {
        return nil
      }
      if known.goodUntil < .now() { isOld = true }
      standings.append((known.standing, socket.user))
    }
    if isOld, !isSearching { search(sockets, on: loop) { _ in } }
    return AnswerOwner(standings)
  }

  /// A stranger that is known to hold one of these sockets, in words.
  func stranger(among inodes: Set<UInt32>) -> String? {
    for inode in inodes {
      switch known[inode]?.standing {
      case .shared(_, let strangers): return AnswerOwner.words(strangers.first, user: nil)
      case .stranger(let stranger): return AnswerOwner.words(stranger, user: nil)
      case .own, .closed, .unseen, nil: break
      }
    }
    return nil
  }

  /// Looks who holds these sockets, and calls `found` on the loop, never before this has returned.
  func search(
    _ sockets: [ListeningSocket], on loop: any EventLoop, _ found: @escaping (AnswerOwner) -> Void
  ) {
    look(for: sockets.map(\.inode), on: loop) { result in
      if self.known.count > Self.room { self.known = [:] }
      let goodUntil = NIODeadline.now() + max(Self.scanEvery, result.cost * 1000)
      var standings: [(standing: Standing, user: UInt32?)] = []
      for socket in sockets {
        let isPassed = self.passed.contains(socket.inode)
        let standing = Standing(
          result.holdings[socket.inode] ?? Holding(), isPassed: isPassed, user: socket.user)
        self.known[socket.inode] = Known(
          standing: standing, goodUntil: isPassed ? goodUntil : .distantFuture)
        standings.append((standing, socket.user))
      }
      found(AnswerOwner(standings))
    }
  }

  /// Whether the child has this server's side of a connection, told by one readlink(2); false says
  /// nothing.
  func isAcceptedAsBefore(connection inode: UInt32) -> Bool {
    acceptor?.holds(inode) ?? false
  }

  /// Looks who holds the server's side of one connection, which is not worth keeping.
  func search(
    connection inode: UInt32, of user: UInt32?, on loop: any EventLoop,
    _ found: @escaping (Standing) -> Void
  ) {
    look(for: [inode], on: loop) { result in
      let holding = result.holdings[inode] ?? Holding()
      if let own = holding.own { self.acceptor = own }
      found(Standing(holding, isPassed: false, user: user))
    }
  }

  /// Whether the answers of one generation have to be told from those of others.
  func mustTell(_ generation: Int) -> Bool { kin.generations?.isAlone(generation) == false }

  /// Looks which of these connections a process of the generation has, and calls `found` on the loop,
  /// never before this has returned.
  func attribute(
    _ inodes: [UInt32], to generation: Int, looksEverywhere: Bool, on loop: any EventLoop,
    _ found: @escaping ([UInt32: MemberSearch.Side]) -> Void
  ) {
    guard let lineage = kin.generations?.lineage else {
      loop.assumeIsolated().execute { found([:]) }
      return
    }
    let search = MemberSearch(
      lineage: lineage, generation: generation, inodes: inodes, looksEverywhere: looksEverywhere)
    inThread(on: loop, { search.run() }, found)
  }

  private struct Result: Sendable {
    var holdings: [UInt32: Holding]
    var cost: TimeAmount
  }

  private func look(
    for inodes: [UInt32], on loop: any EventLoop, _ found: @escaping (Result) -> Void
  ) {
    let search = HolderSearch(
      root: kin.root, includesRoot: kin.includesRoot, inodes: inodes,
      passed: passed.intersection(inodes))
    inThread(
      on: loop,
      {
        let start = NIODeadline.now()
        let holdings = search.run()
        return Result(holdings: holdings, cost: .now() - start)
      }, found)
  }

  /// Does one thing after another in a thread of its own.
  private func inThread<Value: Sendable>(
    on loop: any EventLoop, _ work: @escaping @Sendable () -> Value,
    _ found: @escaping (Value) -> Void
  ) {
    if isSearching {
      waiting.append { self.inThread(on: loop, work, found) }
      return
    }
    isSearching = true
    let bound = NIOLoopBound(found, eventLoop: loop)
    let status = DetachedThread.run {
      let value = work()
      loop.execute { self.ended(value, bound.value) }
    }
    if status != 0 {
      // Without a thread it takes the loop's time, which is better than no answer.
      let value = work()
      loop.execute { self.ended(value, bound.value) }
    }
  }

  private func ended<Value>(_ value: Value, _ found: (Value) -> Void) {
    isSearching = false
    found(value)
    let next = waiting
    waiting = []
    for again in next { again() }
  }
}
