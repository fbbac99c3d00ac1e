import Foundation
import Glibc

/// Where things are, on the host and inside the private systemd.
enum Places {
  /// The repository's root, three folders above this file.
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path()

  static let privateSystemd = repository + "Tests/private-systemd"
  static let units = repository + "units"
  static let fixtures = repository + "Tests/fixtures"

  /// The vouch to test: VOUCH_BINARY, or the one that was built beside this test program.
  static let vouch: String = {
    if let given = environment("VOUCH_BINARY") { return URL(filePath: given).path() }
    let testProgram = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return testProgram.deletingLastPathComponent().appending(path: "vouch").path()
  }()

  /// The tree that the private systemd boots, "/" unless VOUCH_SANDBOX_ROOT names another.
  static let sandboxRoot = environment("VOUCH_SANDBOX_ROOT") ?? "/"

  /// What stands at these places inside.
  enum Inside {
    static let vouch = "/usr/bin/vouch"
    static let units = "/usr/lib/vouch-tests/units"
    static let fixtures = "/usr/lib/vouch-tests/fixtures"
    /// For the files that tests and fixtures write; everybody may.
    static let scratch = "/run/vouch-tests"
  }

  static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
