import CLaunch

/// An environment as a value: entries of raw bytes, in the order in which they were found.
///
/// Entries need be neither UTF-8 nor of the form `NAME=value` (environ(7) asks for both, nothing
/// enforces either), and each reaches the child as it came.
public struct ChildEnvironment: Hashable, Sendable {
  /// Each entry without its NUL.
  public private(set) var entries: [[UInt8]]
  /// Whether an entry LISTEN_PID is to be completed in the child with its own pid.
  public private(set) var tellsListenPID = false

  /// An environment of these entries.
  public init(entries: [[UInt8]] = []) {
    self.entries = entries
  }

  /// This process's environment.
  public static var current: ChildEnvironment {
    var entries: [[UInt8]] = []
    var next = claunch_environment()
    while let entry = next?.pointee {
      entries.append(bytes(of: entry))
      next = next?.advanced(by: 1)
    }
    return ChildEnvironment(entries: entries)
  }

  /// The value of a variable, or nil if it is unset. Of several entries the first counts, as with
  /// getenv(3).
  public subscript(name: String) -> [UInt8]? {
    let prefix = Self.prefix(name)
    return entries.first { $0.starts(with: prefix) }.map { Array($0.dropFirst(prefix.count)) }
  }

  /// This environment without any entry of these names.
  public func removing(_ names: String...) -> ChildEnvironment {
    let prefixes = names.map(Self.prefix)
    var copy = self
    copy.entries.removeAll { entry in prefixes.contains { entry.starts(with: $0) } }
    return copy
  }

  /// This environment with one entry of this name: where the first one was, or at the end.
  public func setting(_ name: String, to value: [UInt8]) -> ChildEnvironment {
    let prefix = Self.prefix(name)
    let entry = prefix + value
    let first = entries.firstIndex { $0.starts(with: prefix) }
    var copy = removing(name)
    // Only later entries of the name were removed beside the first, so its place is still good.
    copy.entries.insert(entry, at: first ?? copy.entries.endIndex)
    return copy
  }

  /// This environment with one entry of this name: where the first one was, or at the end.
  public func setting(_ name: String, to value: String) -> ChildEnvironment {
    setting(name, to: Array(value.utf8))
  }

  private static func prefix(_ name: String) -> [UInt8] {
    Array(name.utf8) + [UInt8(ascii: "=")]
  }
}

extension ChildEnvironment {
  /// The environment of the program that vouch stands in front of (sd_listen_fds(3), sd_notify(3),
  /// sd_watchdog_enabled(3)).
  ///
  /// What speaks to systemd stays with vouch: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are
  /// removed. With passed sockets LISTEN_FDS and LISTEN_FDNAMES tell of them and LISTEN_PID is the
  /// child's own; without any, none of the three is left. LISTEN_PIDFDID, which systemd 259 sets
  /// and checks, names vouch, so it is removed: sd_listen_fds() then goes by LISTEN_PID alone.
  ///
  /// - Parameters:
  ///   - count: how many descriptors are passed.
  ///   - names: their names, one each; nil leaves LISTEN_FDNAMES out, as it was not there.
  public func forChild(passing count: Int, names: [String]?) -> ChildEnvironment {
    precondition(names == nil || names?.count == count, "one name for each passed descriptor")
    var environment = removing(
      "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
      "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
    environment.tellsListenPID = count > 0
    guard count > 0 else { return environment }
    environment = environment.setting("LISTEN_FDS", to: String(count))
    if let names {
      environment = environment.setting("LISTEN_FDNAMES", to: names.joined(separator: ":"))
    }
    return environment
  }
}

extension ChildEnvironment {
  /// Calls body with the entries as execve(2) wants them, and with the place where the child
  /// writes its pid, if it is to.
  func withBlock<Result>(
    _ body: (
      _ entries: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
      _ pidSlot: UnsafeMutablePointer<CChar>?
    ) -> Result
  ) -> Result {
    guard tellsListenPID else {
      return CStringArray(entries).withPointers { body($0, nil) }
    }
    let prefix = Array("LISTEN_PID=".utf8)
    let slot = prefix + [UInt8](repeating: 0, count: Int(CLAUNCH_PID_DIGITS))
    return CStringArray(entries + [slot]).withPointers { pointers in
      body(pointers, pointers[entries.count]?.advanced(by: prefix.count))
    }
  }
}
