import Glibc

/// Holds all descendants of this process with SIGSTOP for a moment, and lets them go on.
public struct FamilyHold {
  /// Those that this has stopped. One that was stopped before stays so.
  private var stopped: [pid_t] = []
  private var spared: Set<pid_t>

  /// Sends SIGSTOP, the nearest first, so that what forks is stopped before what it forked.
  ///
  /// - Parameter spared: children of this process that go on, with their own children.
  public init(sparing spared: Set<pid_t>) {
    self.spared = spared
    _ = stopNew()
  }

  /// Whether every thread of each has stopped. What was forked meanwhile is stopped too. One that may
  /// not be signalled, another user's, is left out.
  public mutating func isComplete() -> Bool {
    if stopNew() { return false }
    return stopped.allSatisfy(ProcessTree.hasStopped)
  }

  public func letGo() {
    for process in stopped { kill(process, SIGCONT) }
  }

  private mutating func stopNew() -> Bool {
    var isNew = false
    let family = ProcessTree.descendants(of: getpid(), sparing: spared)
    for process in family
    where !stopped.contains(process) && !ProcessTree.hasStopped(process) {
      if kill(process, SIGSTOP) == 0 {
        stopped.append(process)
        isNew = true
      }
    }
    return isNew
  }
}

extension ProcessTree {
  /// Whether all its threads are stopped, by a signal or a tracer, or have ended (proc(5)).
  static func hasStopped(_ process: pid_t) -> Bool {
    threads(of: process).allSatisfy { thread in
      guard let letter = letter(of: thread) else { return true }
      return "TtZX".utf8.contains(letter)
    }
  }
}
