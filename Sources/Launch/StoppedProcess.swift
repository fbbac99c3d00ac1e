import CLaunch
import Glibc
import SystemPackage

extension ProcessID {
  /// Sends a signal to a child that may be stopped (SIGSTOP), so that the same thread gets it as in a
  /// child that runs.
  ///
  /// The kernel gives a process's signal to its first thread, if that does not block it. Of a stopped
  /// process it cannot wake any, and after SIGCONT the quickest thread takes the signal. Many programs
  /// count on the first one: Python runs handlers there alone, and hears nothing while that thread
  /// waits undisturbed. So there the signal goes to the first thread by name (tgkill(2)).
  ///
  /// - Throws: as `send`.
  public func sendThoughStopped(_ signal: Signal) throws(Errno) {
    guard let leader = FirstThread(of: rawValue), leader.isStopped, !leader.blocks(signal) else {
      return try send(signal)
    }
    let error = claunch_signal_thread(rawValue, rawValue, signal.rawValue)
    if error != 0 { throw Errno(rawValue: error) }
  }
}

/// What /proc/PID/status tells of a process's first thread (proc(5)).
private struct FirstThread {
  private var state: UInt8
  private var blocked: UInt64

  init?(of process: pid_t) {
    let file = open("/proc/\(process)/status", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 8192)
    let count = read(file, &text, text.count)
    guard count > 0 else { return nil }
    let lines = text[..<count].split(separator: UInt8(ascii: "\n"))
    func value(of key: StaticString) -> ArraySlice<UInt8>? {
      let key = key.withUTF8Buffer(Array.init)
      guard let line = lines.first(where: { $0.starts(with: key) }) else { return nil }
      return line.dropFirst(key.count).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
    }
    guard let state = value(of: "State:")?.first, let mask = value(of: "SigBlk:"),
      let blocked = UInt64(String(decoding: mask, as: UTF8.self), radix: 16)
    else { return nil }
    self.state = state
    self.blocked = blocked
  }

  var isStopped: Bool { state == UInt8(ascii: "T") || state == UInt8(ascii: "t") }

  func blocks(_ signal: Signal) -> Bool { blocked & 1 << UInt64(signal.rawValue - 1) != 0 }
}
