import CAdopt
import Glibc

/// Answers the system calls that a child's filter asks about, one after another, in a thread of its
/// own: a bind must not wait for whatever vouch's event loop is busy with.
///
/// It ends when the last process under the filter has ended. The processes may die, fork and misbehave
/// at any time; none of it disturbs the others.
final class Supervisor {
  let listener: CInt
  let sockets: [AdoptedSocket]
  private let wishes: [BindWish]
  private let options: AdoptOptions
  let paths: UnixPaths
  let report: @Sendable (AdoptReport) -> Void
  /// Of the self-test: how far it has come; the passed sockets are left as they are.
  private let trial: UnsafeMutablePointer<SelfTestProgress>?

  /// The passed sockets that this generation has.
  private var taken: Set<Int> = []
  var told = Told()
  /// What the present call has brought.
  var news: AdoptReport?

  /// - Parameter listener: the descriptor on which the kernel asks; closed at the end.
  init(
    listener: CInt, sockets: [AdoptedSocket], options: AdoptOptions,
    trial: UnsafeMutablePointer<SelfTestProgress>? = nil,
    report: @escaping @Sendable (AdoptReport) -> Void
  ) {
    self.listener = listener
    self.sockets = sockets
    wishes = sockets.map(\.wish)
    self.options = options
    paths = UnixPaths(wishes.map(\.address))
    self.trial = trial
    self.report = report
  }

  /// Answers until nobody is left to ask.
  ///
  /// - Parameter patience: in milliseconds, how long to wait for a call; -1 for ever.
  func run(patience: CInt = -1) {
    defer { close(listener) }
    while true {
      var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      let count = poll(&waiting, 1, patience)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      if waiting.revents & Int16(POLLIN) != 0 {
        var call = cadopt_call()
        step(.receiving)
        // ENOENT: the process has ended meanwhile.
        if cadopt_next(listener, &call) == 0 { answer(call) }
      } else {
        return  // POLLHUP
      }
    }
  }

  enum Answer {
    case goOn
    case result(error: CInt)
    /// There is nobody to answer any more.
    case gone
  }

  private func answer(_ call: cadopt_call) {
    let answer =
      switch call.question {
      case CADOPT_BIND: bind(call)
      case CADOPT_LISTEN: listen(call)
      case CADOPT_SHUTDOWN: shutdown(call)
      case CADOPT_UNLINK, CADOPT_UNLINKAT: unlink(call)
      case CADOPT_RENAME, CADOPT_RENAMEAT: rename(call)
      default: Answer.goOn
      }
    // Before the answer: what it says may be why the program ends. But whoever hears that one listens
    // on a socket of its own may connect at once.
    let isLate = if case .listening(nil, _)? = news { true } else { false }
    if !isLate { tell() }
    step(.answering)
    switch answer {
    case .goOn: _ = cadopt_continue(listener, call.id)
    case .result(let error): _ = cadopt_return(listener, call.id, error == 0 ? 0 : -1, error)
    case .gone: break
    }
    tell()
  }

  private func tell() {
    if let news { report(news) }
    news = nil
  }

  func isWaiting(_ call: cadopt_call) -> Bool { cadopt_is_waiting(listener, call.id) }

  // MARK: - bind(2)

  private func bind(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let descriptor = CInt(truncatingIfNeeded: call.arguments.0)
    let length = CInt(truncatingIfNeeded: call.arguments.2)
    guard length > 0, length <= MemoryLayout<sockaddr_storage>.size else { return .goOn }
    step(.readingMemory)
    let read = patiently(call) { asker.read(call.arguments.1, Int(length)) }
    guard isWaiting(call) else { return .gone }
    let address: BindAddress
    switch read {
    case .success(let bytes):
      guard let found = BindAddress(bytes) else { return .goOn }
      address = paths.passed(found, asker)
    case .failure(let failure): return cannotSee(nil, failure, asker, "its memory")
    }

    guard BindDecision.concerns(address, wishes) else {
      if told.isNew(unmatched: address) { news = .unmatched(address, asker.described) }
      return .goOn
    }
    step(.copyingDescriptor)
    let copied = patiently(call) { asker.copy(descriptor) }
    guard case .success(let copy) = copied else {
      guard case .failure(let failure) = copied, isWaiting(call) else { return .gone }
      return cannotSee(address, failure, asker, "its sockets")
    }
    defer { close(copy) }
    guard isWaiting(call) else { return .gone }

    // Asked again for a bind that was answered by half (a signal, on an old kernel).
    if let inode = AdoptedSocket.inode(of: copy), sockets.contains(where: { $0.inode == inode }) {
      return .result(error: 0)
    }
    // The kernel refuses those: an address of another family, and a socket that has one already.
    guard let wish = BindWish(address, socket: copy), address.isOfFamily(of: copy),
      !BindAddress.isBound(copy)
    else { return .goOn }
    switch BindDecision.decide(wish, among: wishes, taken: taken, options) {
    case .letGo:
      if told.isNew(unmatched: address) { news = .unmatched(address, asker.described) }
      return .goOn
    case .refuse(let index, let reason):
      if told.isNew(refused: address) {
        news = .refused(index, asked: address, reason: reason, asker.described)
      }
      return .result(error: EADDRINUSE)
    case .adopt(let index):
      return adopt(index, wish, at: descriptor, copy: copy, asker, call)
    }
  }

  private func adopt(
    _ index: Int, _ wish: BindWish, at descriptor: CInt, copy: CInt, _ asker: Asker,
    _ call: cadopt_call
  ) -> Answer {
    let socket = sockets[index]
    step(.readingFlags)
    let read = patiently(call) { asker.flags(descriptor) }
    guard isWaiting(call) else { return .gone }
    guard case .success(let flags) = read else {
      guard case .failure(let failure) = read else { return .gone }
      return cannotSee(wish.address, failure, asker, "its descriptors")
    }
    if trial == nil {
      socket.takeAfter(
        copy, nonblocking: flags & O_NONBLOCK != 0, isFirst: !taken.contains(index))
    }
    // They go with its own socket. Of the process: the kernel makes an entry for each descriptor of
    // each thread that is looked at (proc_fill_cache of fs/proc/base.c).
    let process = asker.process ?? asker.thread
    let found = patiently(call) {
      EpollWatch.all(
        of: process, socket.inode, and: AdoptedSocket.inode(of: copy) ?? socket.inode)
    }
    let watches = (try? found.get()) ?? []
    unwatchFormer(
      watches.filter { $0.inode == socket.inode && $0.number == descriptor }, socket, asker, call)
    guard isWaiting(call) else { return .gone }
    step(.placing)
    let error = cadopt_place(
      listener, call.id, socket.descriptor, descriptor, flags & O_CLOEXEC != 0)
    switch error {
    case 0: break
    case ENOENT: return .gone
    // The program's own limits.
    default: return .result(error: error)
    }
    taken.insert(index)
    if told.isNew(adopted: index) {
      news = .adopted(index, asked: wish.address, asker.described)
    }
    if case .path(let path) = socket.wish.address, asker.lacks(path), told.isNew(pathless: index) {
      report(.pathless(index, asker.described))
    }
    watchAgain(watches.filter { $0.inode != socket.inode }, index, asker, call)
    return .result(error: 0)
  }

  private func cannotSee(
    _ address: BindAddress?, _ failure: Asker.Failure, _ asker: Asker, _ what: String
  ) -> Answer {
    if let trial, trial.pointee.obstacle == 0 {
      trial.pointee.obstacle = trial.pointee.step
      trial.pointee.obstacleError = failure.error
    }
    // Bad pointers and numbers are the program's, and the kernel tells it.
    if failure.isDenied, told.isNew(unseen: asker.thread) {
      news = .unseen(
        address,
        reason:
          "vouch may not read \(what): \(failure.text): the program has changed its user, or hides "
          + "itself (PR_SET_DUMPABLE), and vouch lacks CAP_SYS_PTRACE",
        asker.described)
    }
    return .goOn
  }

  // MARK: - listen(2)

  private func listen(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let inode = asker.socketInode(CInt(truncatingIfNeeded: call.arguments.0))
    guard isWaiting(call) else { return .gone }
    let index = sockets.firstIndex { $0.inode == inode }
    if told.isNew(listening: index) { news = .listening(index, asker.described) }
    guard let index else { return .goOn }
    return .result(error: sockets[index].listen(theirs: CInt(truncatingIfNeeded: call.arguments.1)))
  }

  // MARK: - Own trouble

  /// Tries again while vouch, or the machine, is short of descriptors or memory, for as long as the
  /// program waits: that must not be the program's failure.
  func patiently<Value>(
    _ call: cadopt_call, _ body: () -> Result<Value, Asker.Failure>
  ) -> Result<Value, Asker.Failure> {
    var pause: UInt32 = 1000
    while true {
      let result = body()
      guard case .failure(let failure) = result, failure.isShortage, isWaiting(call) else {
        return result
      }
      if told.isNewShortage { report(.short(failure.text)) }
      trial?.pointee.shortage = failure.error
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
  }

  private func step(_ step: SelfTestProgress.Step) {
    trial?.pointee.step = step.rawValue
  }
}

/// What was reported in this generation: what is new is told, within bounds.
struct Told {
  private static let room = 32
  private var adopted: Set<Int> = []
  private var unmatched: Set<BindAddress> = []
  private var refused: Set<BindAddress> = []
  private var unseen: Set<pid_t> = []
  private var listening: Set<Int> = []
  private var kept: Set<Int> = []
  private var shut: Set<Int> = []
  private var unwatched: Set<Int> = []
  private var pathless: Set<Int> = []
  private var ownListens = 0
  private var isShortageTold = false

  mutating func isNew(adopted index: Int) -> Bool { adopted.insert(index).inserted }

  mutating func isNew(unmatched address: BindAddress) -> Bool {
    // A port that the kernel chooses, as for a client, says nothing.
    guard unmatched.count < Self.room, address.port != 0 else { return false }
    if case .other = address { return false }
    return unmatched.insert(address).inserted
  }

  /// Apart from the others: it matters, however many of those there were.
  mutating func isNew(refused address: BindAddress) -> Bool {
    refused.count < Self.room && refused.insert(address).inserted
  }

  mutating func isNew(unseen thread: pid_t) -> Bool {
    // What such a process asks for is not known: once is enough.
    unseen.isEmpty && unseen.insert(thread).inserted
  }

  mutating func isNew(kept index: Int) -> Bool { kept.insert(index).inserted }

  mutating func isNew(pathless index: Int) -> Bool { pathless.insert(index).inserted }

  mutating func isNew(unwatched index: Int) -> Bool { unwatched.insert(index).inserted }

  mutating func isNew(shut index: Int) -> Bool { shut.insert(index).inserted }

  mutating func isNew(listening index: Int?) -> Bool {
    if let index { return listening.insert(index).inserted }
    ownListens += 1
    return ownListens <= Self.room
  }

  var isNewShortage: Bool {
    mutating get {
      defer { isShortageTold = true }
      return !isShortageTold
    }
  }
}
