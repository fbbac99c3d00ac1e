import Glibc

/// The number that stands for every user for whom a user namespace has none (user_namespaces(7)): of a
/// sender who is shown as this one, it is not known who it is.
public enum OverflowUser {
  /// /proc/sys/kernel/overflowuid, or its default, where ProcSubset=pid hides that.
  public static var number: uid_t {
    text(of: "/proc/sys/kernel/overflowuid").flatMap { uid_t($0.filter(\.isNumber)) } ?? 65534
  }

  /// Whether somebody else than the user of that number may be shown as it: not in the initial user
  /// namespace, nor in one that has a number for everybody.
  public static var isAmbiguous: Bool {
    let map = text(of: "/proc/self/uid_map").map { $0.split(whereSeparator: \.isWhitespace) }
    return map != ["0", "0", "4294967295"]
  }

  private static func text(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(file, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
