import Glibc

/// Where a vouch hears of a wanted reload: an abstract socket, of which a network namespace has one of
/// each name (unix(7)). Containers that share the machine's network have process numbers of their own,
/// so the number alone would be several vouches' name: the pid namespace is told with it.
enum ReloadAddress {
  /// Of this process.
  static var own: String { text(namespace: namespace(of: "self"), process: getpid()) }

  /// Of a process by its number here. In a pid namespace below this one it knows itself by another:
  /// NSpid of proc_pid_status(5).
  static func of(_ process: pid_t) -> String {
    guard let inner = innermost(process), let namespace = namespace(of: String(process)) else {
      // Nothing is seen of it: it would be one of our namespace.
      return text(namespace: namespace(of: "self"), process: process)
    }
    return text(namespace: namespace, process: inner)
  }

  /// Of the unit that this process belongs to, if vouch is the first process of a pid namespace. So it is
  /// with PrivatePIDs= (systemd.exec(5), systemd 257), where ExecReload= runs in another one and sees
  /// nothing of vouch's process, the main one: what both are given is the invocation's id.
  static var ofOwnInvocation: String? { getpid() == 1 ? ofInvocation : nil }

  /// - Parameter invocation: INVOCATION_ID of systemd.exec(5).
  static func ofInvocation(_ invocation: String?) -> String? {
    guard let invocation, invocation.utf8.count == 32, invocation.allSatisfy(\.isHexDigit) else {
      return nil
    }
    return prefix + invocation
  }

  /// The address that the unit's own `ExecReload=` asks at.
  static func ofMain(_ process: pid_t) -> (address: String, isInSight: Bool) {
    let isInSight = kill(process, 0) == 0 || errno != ESRCH
    if !isInSight, let ofInvocation { return (ofInvocation, false) }
    return (of(process), true)
  }

  private static var ofInvocation: String? {
    ofInvocation(getenv("INVOCATION_ID").map { String(cString: $0) })
  }

  private static let prefix = "@vouch-reload/"

  private static func text(namespace: ino_t?, process: pid_t) -> String {
    prefix + "\(namespace ?? 0)/\(process)"
  }

  /// Its inode is no other namespace's as long as it lives (namespaces(7)). Nil without /proc, or for
  /// another user's process.
  private static func namespace(of process: String) -> ino_t? {
    var status = stat()
    return stat("/proc/\(process)/ns/pid", &status) == 0 ? status.st_ino : nil
  }

  private static func innermost(_ process: pid_t) -> pid_t? {
    guard let file = fopen("/proc/\(process)/status", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, CInt(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard text.hasPrefix("NSpid:") else { continue }
      return text.split(whereSeparator: \.isWhitespace).last.flatMap { pid_t(String($0)) }
    }
    return nil
  }
}
