import CAdopt
import Glibc
import SocketNames

/// How far the self-test has come, in memory that its processes share: a system call filter may kill
/// the one that makes the call.
struct SelfTestProgress {
  enum Step: Int32 {
    case none = 0
    // Of the one that binds:
    case installing, opening, binding, bound
    // Of the one that answers:
    case receiving, readingMemory, copyingDescriptor, readingFlags, placing, answering
  }

  var step: Int32 = 0
  var error: CInt = 0
  /// Of the one that binds, while the other is at `step`.
  var binder: Int32 = 0
  var installStep: UInt32 = 0
  var family: Int32 = 0
  /// How the one that binds ended: its wait status.
  var binderStatus: CInt = 0
  var isAdopted = false
  /// What could not be read of the one that binds, and why; it goes on then, and fails by itself.
  var obstacle: Int32 = 0
  var obstacleError: CInt = 0
  /// What vouch or the machine was short of, as an errno: nothing that the set-up is to blame for.
  var shortage: CInt = 0
}

extension Adoption {
  /// Tries the whole way once, with processes of its own: one that binds the address of a passed socket
  /// under the filter, and one that answers it, as vouch would. Neither the passed sockets nor this
  /// process change. To be called while this process has no other thread.
  ///
  /// - Throws: why it does not work here, and what to do about it.
  public func selfTest() throws(AdoptError) {
    guard let memory = cadopt_shared(MemoryLayout<SelfTestProgress>.size) else {
      throw .short(ENOMEM)
    }
    defer { munmap(memory, MemoryLayout<SelfTestProgress>.size) }
    let progress = memory.bindMemory(to: SelfTestProgress.self, capacity: 1)
    progress.initialize(to: SelfTestProgress())

    var life: [CInt] = [-1, -1]
    guard cadopt_pair(&life) == 0 else { throw .short(errno) }
    let process = cadopt_fork()
    if process == 0 { _exit(superviseTrial(progress)) }
    let forkError = errno
    close(life[1])
    defer { close(life[0]) }
    guard process > 0 else { throw .short(forkError) }

    // At its end, and that of the other: the kernel closes their end of the pair.
    var end = pollfd(fd: life[0], events: Int16(POLLIN), revents: 0)
    let isOver = poll(&end, 1, Self.patience) > 0
    if !isOver { kill(process, SIGKILL) }
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    let seen = progress.pointee
    if isOver, status == 0, seen.isAdopted { return }
    for error in [seen.shortage, seen.error] where Asker.Failure(error).isShortage {
      throw .short(error)
    }
    if !isOver {
      throw .impossible("the self-test took longer than \(Self.patience / 1000) s")
    }
    throw .impossible(SelfTestReason.of(seen, status: status))
  }

  /// In milliseconds. It takes about one where nothing is wrong.
  private static let patience: CInt = 5000

  /// The process that answers. Returns its exit status.
  private func superviseTrial(_ progress: UnsafeMutablePointer<SelfTestProgress>) -> CInt {
    guard let start = try? prepare() else {
      progress.pointee.error = errno
      return 1
    }
    let binder = cadopt_fork()
    if binder == 0 { _exit(bindInTrial(start, progress)) }
    guard binder > 0 else {
      progress.pointee.error = errno
      return 1
    }
    let listener = start.awaitListener(patience: Self.patience)
    if listener >= 0 {
      Supervisor(
        listener: listener, sockets: sockets, options: options, trial: progress
      ) { _ in }.run(patience: Self.patience)
    } else {
      if listener == -EMFILE { progress.pointee.shortage = EMFILE }
      // It waits for an answer that nobody can give.
      kill(binder, SIGKILL)
    }
    var status: CInt = 0
    while waitpid(binder, &status, 0) < 0 && errno == EINTR {}
    progress.pointee.binderStatus = status
    return status == 0 ? 0 : 1
  }

  /// The process that binds. Returns its exit status.
  private func bindInTrial(
    _ start: AdoptionStart, _ progress: UnsafeMutablePointer<SelfTestProgress>
  ) -> CInt {
    func fail(_ error: CInt) -> CInt {
      progress.pointee.error = error
      return 1
    }
    progress.pointee.binder = SelfTestProgress.Step.installing.rawValue
    let error = cadopt_install(start.filter)
    progress.pointee.installStep = start.state.step.rawValue
    if error != 0 { return fail(error) }
    start.closeChildEnd()

    progress.pointee.binder = SelfTestProgress.Step.opening.rawValue
    var opened: CInt = -1
    for passed in sockets {
      let family = socketOption(passed.descriptor, SOL_SOCKET, SO_DOMAIN) ?? AF_UNSPEC
      progress.pointee.family = family
      let own = socket(family, passed.wish.type | CInt(SOCK_CLOEXEC.rawValue), passed.wish.proto)
      if own < 0 { return fail(errno) }
      if opened < 0 { opened = own } else { close(own) }
    }

    progress.pointee.binder = SelfTestProgress.Step.binding.rawValue
    let status = SocketName(of: sockets[0].descriptor)?.with { bind(opened, $0, $1) } ?? -1
    if status != 0 { return fail(errno) }
    progress.pointee.binder = SelfTestProgress.Step.bound.rawValue
    progress.pointee.isAdopted = AdoptedSocket.inode(of: opened) == sockets[0].inode
    return progress.pointee.isAdopted ? 0 : 1
  }
}
