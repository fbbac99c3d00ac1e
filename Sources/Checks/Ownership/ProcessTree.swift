import Glibc

/// Who descends from whom (proc(5)). A process that ended its parent, a double-forked server for
/// instance, hangs below vouch all the same: vouch is a subreaper.
enum ProcessTree {
  /// The descendants of a process, the nearest first. One that is forked meanwhile may be missing.
  ///
  /// - Parameter spared: children of it that are left out, and all of theirs.
  static func descendants(of root: pid_t, sparing spared: Set<pid_t> = []) -> [pid_t] {
    guard let first = children(of: root)?.filter({ !spared.contains($0) }) else {
      return descendantsByParent(of: root)
    }
    var found = first
    var seen = Set(first)
    var next = 0
    while next < found.count {
      for child in children(of: found[next]) ?? [] where seen.insert(child).inserted {
        found.append(child)
      }
      next += 1
    }
    return found
  }

  /// The children alone.
  static func offspring(of process: pid_t) -> [pid_t] {
    children(of: process) ?? all().filter { parent(of: $0) == process }
  }

  static func threads(of process: pid_t) -> [pid_t] { numbers(in: "/proc/\(process)/task") }

  /// The state of a process or a thread: R, S, D, T, …
  static func letter(of thread: pid_t) -> UInt8? { state(of: thread)?.letter }

  /// The children of all threads; nil where the process is gone, or the kernel keeps no such list
  /// (CONFIG_PROC_CHILDREN).
  private static func children(of process: pid_t) -> [pid_t]? {
    var found: [pid_t]?
    for thread in numbers(in: "/proc/\(process)/task") {
      guard let text = ProcFile.read("/proc/\(process)/task/\(thread)/children") else { continue }
      found = (found ?? []) + text.split(separator: UInt8(ascii: " ")).compactMap(number)
    }
    return found
  }

  private static func descendantsByParent(of root: pid_t) -> [pid_t] {
    var children: [pid_t: [pid_t]] = [:]
    for process in all() {
      if let parent = parent(of: process) { children[parent, default: []].append(process) }
    }
    var found = children[root] ?? []
    var next = 0
    while next < found.count {
      found += children[found[next]] ?? []
      next += 1
    }
    return found
  }

  /// Every process that can be seen.
  static func all() -> [pid_t] { numbers(in: "/proc") }

  /// The parent, its parent and so on.
  static func ancestors(of process: pid_t) -> [pid_t] {
    var found: [pid_t] = []
    var next = process
    while let parent = parent(of: next), parent > 0, !found.contains(parent) {
      found.append(parent)
      next = parent
    }
    return found
  }

  static func parent(of process: pid_t) -> pid_t? { state(of: process)?.parent }

  /// When it was forked, in ticks of 10 ms since the machine's start (field 22 of proc_pid_stat(5));
  /// execve(2) leaves it as it is.
  static func birth(of process: pid_t) -> UInt64? {
    // The name is the second field, and the state, the first one here, the third.
    guard let fields = fields(of: process), fields.count > 19 else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }

  /// Whether it has ended and waits to be reaped: then it holds nothing any more.
  static func hasEnded(_ process: pid_t) -> Bool {
    guard let state = state(of: process) else { return kill(process, 0) != 0 && errno == ESRCH }
    return [UInt8(ascii: "Z"), UInt8(ascii: "X")].contains(state.letter)
  }

  /// A thread by which to look at the process: its first one, which shows no descriptors any more once
  /// it has ended, or another.
  static func livingThread(of process: pid_t) -> pid_t {
    guard hasEnded(process) else { return process }
    return numbers(in: "/proc/\(process)/task").first { !hasEnded($0) } ?? process
  }

  private static func state(of process: pid_t) -> (letter: UInt8, parent: pid_t)? {
    guard let fields = fields(of: process), fields.count > 1, let letter = fields[0].first,
      let parent = number(fields[1])
    else { return nil }
    return (letter, parent)
  }

  /// /proc/PID/stat: the fields behind the name, which may hold anything, parentheses included.
  private static func fields(of process: pid_t) -> [ArraySlice<UInt8>]? {
    guard let text = ProcFile.read("/proc/\(process)/stat"),
      let end = text.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    return text[(end + 1)...].split(separator: UInt8(ascii: " "))
  }

  private static func numbers(in folder: String) -> [pid_t] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [pid_t] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        number(bytes.prefix { $0 != 0 })
      }
      if let name { found.append(name) }
    }
    return found
  }

  private static func number(_ digits: some Collection<UInt8>) -> pid_t? {
    var value: pid_t = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), value < 100_000_000 else {
        return nil
      }
      value = value * 10 + pid_t(digit - UInt8(ascii: "0"))
    }
    return digits.isEmpty ? nil : value
  }
}

/// Small files of /proc.
enum ProcFile {
  /// Whose it is; nil where it cannot be seen.
  static func owner(_ path: String) -> uid_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_uid : nil
  }

  /// All of it, without the line's end; nil where it cannot be read.
  static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      let before = bytes.count
      var count = 0
      bytes.append(
        contentsOf: [UInt8](unsafeUninitializedCapacity: 1024) { buffer, initialized in
          count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
          initialized = max(count, 0)
        })
      if count < 0, errno != EINTR { return nil }
      if count == 0 { break }
      if before > 1 << 20 { return nil }
    }
    while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
    return bytes
  }
}
