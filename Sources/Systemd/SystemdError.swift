import Glibc

/// A call to libsystemd that failed: what was asked, and the errno it gave.
public struct SystemdError: Error, Hashable, CustomStringConvertible {
  /// What was attempted, with the values that were found.
  public var attempt: String
  /// A positive errno(3).
  public var code: Int32

  init(_ attempt: String, _ result: Int32) {
    self.attempt = attempt
    code = -result
  }

  /// Those of these variables that are set, as "NAME=value" words.
  static func environment(_ names: String...) -> String {
    names.compactMap { (name: String) -> String? in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }.joined(separator: " ")
  }

  public var description: String { "\(attempt): \(String(cString: strerror(code)))" }
}
