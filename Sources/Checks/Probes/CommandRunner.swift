/// Runs the commands of `--exec` checks. All of it belongs to the event loop's thread.
public protocol CommandRunner: AnyObject {
  /// Starts `command` without a shell, in a process group of its own, with its standard input at
  /// /dev/null and its output kept from growing without bound.
  ///
  /// - Parameters:
  ///   - command: the program and its arguments; never empty.
  ///   - variables: for the command's environment, beside vouch's own.
  ///   - ended: called once, on the loop and after this function has returned, when the process
  ///     was reaped. Not called where starting it failed.
  func run(
    _ command: [String], variables: [String: String], _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure>
}

/// A command that runs.
public protocol CommandHandle: AnyObject {
  /// SIGKILL to the whole process group. `ended` is still called, once the process was reaped.
  func kill()
}

/// How a command ended.
public enum CommandEnd: Sendable, Hashable {
  /// With this status, 0 to 255.
  case exited(Int32)
  /// By this signal, to be shown as `SIGSEGV`.
  case signaled(String)
}

/// Why a command did not start.
public enum CommandFailure: Error, Sendable, Hashable {
  /// No descriptors, no memory, no more processes: not the child's failure (rule 7).
  case ownTrouble(String)
  /// The program is not there or cannot be run.
  case cannotRun(String)
}
