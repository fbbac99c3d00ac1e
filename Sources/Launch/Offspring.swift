import Glibc

/// The children of this process, whoever started them: those that it launched, and the orphans that
/// it was given as a subreaper.
public enum Offspring {
  /// From /proc/self/task/TID/children (proc(5)). A child that starts or ends meanwhile may be missing.
  /// Empty where the kernel has no such file (CONFIG_PROC_CHILDREN).
  public static func all() -> [ProcessID] {
    // Orphans go to the thread group's leader while it lives (find_new_reaper in the kernel's
    // kernel/exit.c), and the leader launches: the other threads have no children.
    let path = "/proc/self/task/\(getpid())/children"
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while case let count = read(file, &part, part.count), count > 0 {
      text += part[..<count]
    }
    return text.split(separator: UInt8(ascii: " ")).compactMap {
      pid_t(String(decoding: $0, as: UTF8.self)).map(ProcessID.init(rawValue:))
    }
  }
}
