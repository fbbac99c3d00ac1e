import Glibc

@testable import Checks

/// A generation of a server: a program on a listening socket that it inherits as descriptor 3, in a
/// session of its own, as vouch starts its child.
final class GenerationProcess: Sendable {
  let pid: pid_t

  init(
    _ command: [String], inherits listener: CInt, number: Int, environment: [String] = []
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, listener, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(0x80))  // POSIX_SPAWN_SETSID
    var arguments = command.map { strdup($0) } + [nil]
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    var variables =
      (["PATH=\(path):/usr/sbin", "VOUCH_GENERATION=\(number)"] + environment).map { strdup($0) }
      + [nil]
    defer { for text in arguments + variables { free(text) } }
    var pid: pid_t = 0
    errno = posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, &variables)
    guard errno == 0 else { throw SystemError(command[0]) }
    self.pid = pid
  }

  /// The fixture of this name in Tests/fixtures.
  static func fixture(_ name: String) -> String {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/") + "/fixtures/" + name
  }

  convenience init(
    server arguments: [String], inherits listener: CInt, number: Int
  ) throws {
    try self.init(
      ["/usr/bin/python3", Self.fixture("generation_server.py")] + arguments, inherits: listener,
      number: number)
  }

  func stop() {
    kill(-pid, SIGKILL)
    kill(pid, SIGKILL)
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }
}
