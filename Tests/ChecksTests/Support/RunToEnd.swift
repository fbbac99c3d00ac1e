import Glibc

/// Runs a command and waits for it.
///
/// - Throws: `SystemError` where it cannot be run or does not exit 0.
func runToEnd(_ command: [String]) throws {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for descriptor: CInt in [1, 2] {
    posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
  }
  var arguments = command.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  var child: pid_t = 0
  errno = posix_spawnp(&child, command[0], &actions, nil, &arguments, environ)
  guard errno == 0 else { throw SystemError(command[0]) }
  var status: CInt = 0
  while waitpid(child, &status, 0) < 0, errno == EINTR {}
  guard status == 0 else { throw SystemError("\(command[0]) ended with status \(status)") }
}
