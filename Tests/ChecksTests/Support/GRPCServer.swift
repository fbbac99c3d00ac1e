import Glibc

/// Tests/fixtures/grpc_server.py, a server on Debian's python3-grpcio: another implementation of HTTP/2
/// and gRPC than the one under test.
final class GRPCServer: Sendable {
  let port: Int
  private let process: pid_t

  init(_ options: String...) throws {
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw SystemError("pipe") }
    // Neither is for other children of this process.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    let script = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    let command = ["/usr/bin/python3", "\(script)/fixtures/grpc_server.py"] + options
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    errno = posix_spawn(&child, command[0], &actions, nil, &arguments, environ)
    close(ends[1])
    guard errno == 0 else { throw SystemError(command[0]) }
    process = child
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(ends[0], &byte, 1) == 1, byte != 10 { line.append(byte) }
    guard let port = Int(String(decoding: line, as: UTF8.self)) else {
      errno = ECHILD
      throw SystemError("grpc_server.py did not start")
    }
    self.port = port
  }

  func signal(_ number: CInt) { kill(process, number) }

  func stop() {
    kill(process, SIGKILL)
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
  }
}
