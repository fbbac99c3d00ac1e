import Glibc

@testable import Checks

/// A server in a process of its own. It accepts connections one after another, reads a request up to
/// the empty line, and answers with the status that it was given.
///
/// By its pid it is the child, or a stranger, of whom a test says it is.
final class ServerProcess: Sendable {
  let pid: pid_t
  /// 0 for a Unix socket and an inherited one.
  let port: Int

  /// - Parameters:
  ///   - place: an address and a port, a path, or 3 for the socket that is inherited.
  ///   - options: "reuse" for SO_REUSEPORT; "wide=N" for N further open descriptors; "silent" never
  ///     accepts; "defer" for TCP_DEFER_ACCEPT.
  init(
    _ place: String, status: Int = 200, options: String = "", inherits: CInt? = nil
  ) throws {
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw SystemError("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    if let inherits { posix_spawn_file_actions_adddup2(&actions, inherits, 3) }
    let command = ["python3", "-c", Self.program, place, String(status), options]
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    errno = posix_spawnp(&pid, command[0], &actions, nil, &arguments, environ)
    guard errno == 0 else { throw SystemError(command[0]) }
    self.pid = pid
    close(ends[1])
    defer { close(ends[0]) }
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(ends[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
    guard let port = Int(String(decoding: line, as: UTF8.self)) else {
      kill(pid, SIGKILL)
      throw SystemError("the server did not start")
    }
    self.port = port
  }

  func stop() {
    kill(pid, SIGKILL)
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }

  /// What the reason of a failure says of it.
  var words: String { "process \(pid) (python3), which is not this service's" }
  var reason: String { "answered by \(words)" }

  private static let program = """
    import os, signal, socket, sys
    place, status, options = sys.argv[1:4]
    if place == "3":
        listener = socket.socket(fileno=3)
        listener.setblocking(True)
    elif place[0] in "/@":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place.replace("@", chr(0)))
    else:
        host, _, port = place.rpartition(":")
        v6 = ":" in host
        listener = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        if "reuse" in options:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if "defer" in options:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
        listener.bind((host, int(port)))
    if place != "3":
        listener.listen(64)
    keep = [os.dup(2) for _ in range(int(options.partition("wide=")[2] or 0))]
    name = listener.getsockname()
    print(name[1] if isinstance(name, tuple) else 0, flush=True)
    if "silent" in options:
        signal.pause()
    answer = f"HTTP/1.1 {status} X\\r\\nContent-Length: 0\\r\\n\\r\\n".encode()
    while True:
        connection, _ = listener.accept()
        request = b""
        try:
            while not request.endswith(b"\\r\\n\\r\\n"):
                data = connection.recv(4096)
                if not data:
                    break
                request += data
            else:
                connection.sendall(answer)
        except OSError:
            pass
        connection.close()
    """
}
