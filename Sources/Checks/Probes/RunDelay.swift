import Glibc
import NIOCore

/// How long the processes below vouch had a CPU, and how long they waited for one: on a busy machine a
/// healthy program answers late, and no timer of vouch's own need be late for it.
///
/// The kernel counts both for each thread in /proc/PID/task/TID/schedstat, in nanoseconds
/// (Documentation/scheduler/sched-stats.rst: time on the CPU, time on a run queue). Looked at only
/// while a probe lasts unusually long.
struct RunDelay {
  /// More threads than this are not looked at: a look must stay short.
  static let mostThreads = 256

  private(set) var threads: [pid_t: (ran: UInt64, waited: UInt64)] = [:]
  private(set) var at = NIODeadline.now()

  init(threads: [pid_t: (ran: UInt64, waited: UInt64)] = [:], at: NIODeadline = .now()) {
    self.threads = threads
    self.at = at
  }

  /// Looks at every thread of this process's descendants. A process that may not be looked at, or
  /// that is gone by now, is left out.
  static func now() -> RunDelay {
    var delay = RunDelay()
    var processes = [getpid()]
    var isSelf = true
    while let process = processes.popLast(), delay.threads.count < mostThreads {
      for thread in numbers(in: "/proc/\(process)/task") where delay.threads.count < mostThreads {
        let folder = "/proc/\(process)/task/\(thread)"
        if !isSelf, let fields = words(of: folder + "/schedstat"), fields.count > 1,
          let ran = UInt64(fields[0]), let waited = UInt64(fields[1])
        {
          delay.threads[thread] = (ran, waited)
        }
        processes += (words(of: folder + "/children") ?? []).compactMap { pid_t($0) }
      }
      isSelf = false
    }
    return delay
  }

  /// For how long the processes were kept from running since an earlier look.
  ///
  /// That is the longest that any thread has waited, since that one may have been the one that was to
  /// answer; but no longer than they had no CPU between them all. A program whose own threads keep
  /// each other waiting is not starved.
  func lost(since earlier: RunDelay) -> TimeAmount {
    var longestWait: Int64 = 0
    var ran: Int64 = 0
    for (thread, now) in threads {
      let before = earlier.threads[thread] ?? (0, now.waited)
      longestWait = max(longestWait, Int64(clamping: now.waited &- before.waited))
      ran += Int64(clamping: now.ran &- before.ran)
    }
    let idle = max((at - earlier.at).nanoseconds - ran, 0)
    return .nanoseconds(min(longestWait, idle))
  }

  private static func words(of path: String) -> [Substring]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file, &bytes, bytes.count)
    guard count >= 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self).split { $0 == " " || $0 == "\n" }
  }

  private static func numbers(in path: String) -> [pid_t] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var numbers: [pid_t] = []
    while numbers.count < mostThreads, let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = pid_t(name) { numbers.append(number) }
    }
    return numbers
  }
}
