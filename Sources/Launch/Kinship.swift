import CLaunch
import Glibc

/// Whether a process belongs to this process's family.
public enum Kinship: Hashable, Sendable {
  /// This child of ours, or a descendant of it.
  case family(of: ProcessID)
  /// It has ended and was reaped, but belonged to the control group that we belong to.
  case ended
  /// None of ours.
  case stranger
  /// It has ended and was reaped, or is hidden from us (hidepid= of proc(5)).
  case gone

  /// The line of a process's parents up to us. We are the subreaper: a descendant's line ends here,
  /// however many parents have ended.
  ///
  /// The sender of a datagram may end before it is looked at. One that has not been reaped still has
  /// its line; of one that was, Linux 6.17 remembers the control group.
  ///
  /// - Parameter isService: whether the control group is a service's of our own, so that whoever is in
  ///   it was started by us, or by systemd for our unit.
  public static func of(_ letter: NotifyInbox.Letter, isService: Bool) -> Kinship {
    guard let sender = letter.sender else { return .stranger }
    switch line(of: sender.rawValue) {
    case .gone:
      guard isService, let pidfd = letter.pidfd else { return .gone }
      let group = claunch_pidfd_cgroup(pidfd.rawValue)
      guard group != 0 else { return .gone }
      return group == claunch_own_cgroup() ? .ended : .stranger
    case let found: return found
    }
  }

  /// Deeper than any family: a line that goes in circles while it changes must end.
  private static let deepest = 1000

  public static func line(of process: pid_t) -> Kinship {
    let own = getpid()
    var process = process
    for depth in 0..<deepest {
      guard let parent = parent(of: process) else {
        if let head = headWithoutLooking(process) { return .family(of: head) }
        return depth == 0 ? .gone : .stranger
      }
      if parent == own { return .family(of: ProcessID(rawValue: process)) }
      guard parent > 0 else { return .stranger }
      process = parent
    }
    return .stranger
  }

  /// With no descriptor left to look at /proc with, a process is still known as ours where it, or the
  /// leader of its group or session, is our own child.
  private static func headWithoutLooking(_ process: pid_t) -> ProcessID? {
    guard [EMFILE, ENFILE, ENOMEM].contains(errno) else { return nil }
    return [process, getpgid(process), getsid(process)].first { leader in
      var info = siginfo_t()
      // It answers for children alone, and leaves them as they are (waitid(2)).
      return leader > 0
        && waitid(P_PID, id_t(leader), &info, WEXITED | WNOHANG | WNOWAIT) == 0
    }.map { ProcessID(rawValue: $0) }
  }

  /// The fourth field of /proc/PID/stat (proc(5)); nil where there is none to read.
  private static func parent(of process: pid_t) -> pid_t? {
    let file = open("/proc/\(process)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      // The name in parentheses may hold anything, a parenthesis included.
      let text = buffer.prefix(count)
      guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
      return fields.count > 1 ? pid_t(String(decoding: fields[1], as: UTF8.self)) : nil
    }
  }
}
