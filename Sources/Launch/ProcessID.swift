import Glibc
import SystemPackage

/// A process by its number. It names the process for sure only while that is a child not yet
/// reaped; afterwards the kernel may give the number to another.
public struct ProcessID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: pid_t

  public init(rawValue: pid_t) { self.rawValue = rawValue }

  public var description: String { String(rawValue) }

  /// Sends a signal to this process (kill(2)).
  ///
  /// - Throws: `ESRCH` if there is no such process, `EPERM` if it is another user's.
  public func send(_ signal: Signal) throws(Errno) {
    try ProcessID.kill(rawValue, signal)
  }

  /// Sends a signal to the process group that this process leads (kill(2) with a negative pid).
  ///
  /// - Throws: `ESRCH` if the group has no member left, `EPERM` if none may be signalled.
  public func sendToGroup(_ signal: Signal) throws(Errno) {
    try ProcessID.kill(-rawValue, signal)
  }

  private static func kill(_ target: pid_t, _ signal: Signal) throws(Errno) {
    // 0, -1 and 1 upside down address whole sets of processes, never one child.
    precondition(abs(target) > 1, "not a child's process id: \(target)")
    guard Glibc.kill(target, signal.rawValue) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
