import Glibc

/// Finds the own unit's name in /proc/self/cgroup (cgroups(7)).
///
/// sd_pid_get_unit(3) compares that with the control group of process 1, which a service with
/// ProtectProc=invisible and a user of its own does not see: it fails there with ESRCH, though a
/// process may always see itself.
enum ControlGroupPath {
  /// The service that this process belongs to, and whether it is one of a user's manager.
  static var own: (service: String, isUser: Bool)? {
    guard let file = fopen("/proc/self/cgroup", "re") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = fread(&buffer, 1, buffer.count, file)
    return service(
      in: String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  /// - Parameter text: lines of HIERARCHY:CONTROLLERS:PATH.
  static func service(in text: String) -> (service: String, isUser: Bool)? {
    let paths = text.split(separator: "\n").compactMap {
      line -> (isSystemd: Bool, path: Substring)? in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return nil }
      return (parts[1] == "" || parts[1] == "name=systemd", parts[2])
    }
    return paths.lazy.filter(\.isSystemd).compactMap { service(at: $0.path) }.first
  }

  /// The innermost one: a service may have control groups of its own below, and a container's systemd
  /// above it.
  private static func service(at path: Substring) -> (service: String, isUser: Bool)? {
    let parts = path.split(separator: "/")
    guard let last = parts.lastIndex(where: { $0.hasSuffix(".service") }),
      !parts[last].hasPrefix("user@")
    else { return nil }
    let name = parts[last]
    return (
      // What begins with an underscore or looks like a control file is stored with one in front.
      String(name.hasPrefix("_") ? name.dropFirst() : name),
      parts[..<last].contains { $0.hasPrefix("user@") && $0.hasSuffix(".service") }
    )
  }
}
