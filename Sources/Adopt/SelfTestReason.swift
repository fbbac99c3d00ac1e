import CAdopt
import Glibc

/// What a failed self-test means, in one line: the reason and the remedy.
enum SelfTestReason {
  static func of(_ seen: SelfTestProgress, status: CInt) -> String {
    let killedBinder = isKilledByFilter(seen.binderStatus)
    switch SelfTestProgress.Step(rawValue: seen.binder) {
    case .installing where killedBinder || seen.installStep != CADOPT_STEP_NONE.rawValue:
      return killedBinder
        ? forbidden("seccomp") : install(step: cadopt_step(seen.installStep), error: seen.error)
    case .opening:
      return
        "the service may not open a socket of \(family(seen.family)): \(text(seen.error)); add "
        + "it to RestrictAddressFamilies="
    default: break
    }
    let hasObstacle = seen.obstacle != 0
    let step = SelfTestProgress.Step(rawValue: hasObstacle ? seen.obstacle : seen.step)
    let error = hasObstacle ? seen.obstacleError : seen.error
    if isKilledByFilter(status) { return forbidden(call(step)) }
    switch step {
    case .readingMemory, .copyingDescriptor, .readingFlags:
      switch error {
      case 0: break
      case ENOSYS: return tooOld
      case EPERM, EACCES:
        return
          "vouch may not look into its own child (\(call(step)): \(text(error))): a system "
          + "call filter (\(remedy)), or kernel.yama.ptrace_scope of 2 or more, forbids it"
      default: return "\(call(step)) fails: \(text(error))"
      }
    default: break
    }
    if seen.error == 0 { return "the self-test ended early (\(call(step)))" }
    return "a bind in the self-test got \(text(seen.error)) instead of the passed socket"
  }

  /// A filter that could not be installed.
  static func install(step: cadopt_step, error: CInt) -> String {
    switch (step, error) {
    case (CADOPT_STEP_FILTER, EBUSY):
      return
        "another supervisor answers for this program's system calls already, as a container's or "
        + "vouch's own around it, and the kernel allows one: leave one of them out"
    case (CADOPT_STEP_FILTER, ENOSYS), (CADOPT_STEP_FILTER, EINVAL): return tooOld
    case (CADOPT_STEP_FILTER, EPERM), (CADOPT_STEP_FILTER, EACCES),
      (CADOPT_STEP_NO_NEW_PRIVS, EPERM):
      return forbidden("seccomp")
    default: return "the filter cannot be installed: \(text(error))"
    }
  }

  private static let remedy = "SystemCallFilter=@system-service seccomp pidfd_getfd"

  private static func forbidden(_ call: String) -> String {
    "a system call filter forbids \(call): allow it, as in \(remedy)"
  }

  private static var tooOld: String {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return "it needs Linux 5.9 or newer, with CONFIG_SECCOMP_FILTER; this is \(release)"
  }

  /// Killed by the kernel for a system call (SECCOMP_RET_KILL_PROCESS).
  private static func isKilledByFilter(_ status: CInt) -> Bool { status & 0x7F == SIGSYS }

  private static func call(_ step: SelfTestProgress.Step?) -> String {
    switch step {
    case .readingMemory: "process_vm_readv"
    case .copyingDescriptor: "pidfd_open or pidfd_getfd"
    case .readingFlags: "reading /proc/PID/fdinfo"
    case .receiving, .placing, .answering: "ioctl"
    default: "fork or socketpair"
    }
  }

  private static func family(_ family: Int32) -> String {
    switch family {
    case AF_INET: "AF_INET"
    case AF_INET6: "AF_INET6"
    case AF_UNIX: "AF_UNIX"
    default: "family \(family)"
    }
  }

  private static func text(_ error: CInt) -> String { errnoText(error) }
}
