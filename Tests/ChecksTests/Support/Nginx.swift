import Glibc

/// A real nginx, unprivileged and in the foreground, with a configuration of the test's own.
final class Nginx: Sendable {
  let ports: [Int]
  private let process: pid_t

  /// - Parameter servers: the contents of `http { … }`, given as many free ports.
  init(_ folder: TestFolder, ports count: Int, _ servers: ([Int]) -> String) throws {
    // Held all at once, so that they differ, and let go just before nginx takes them.
    let held = try (0..<count).map { _ in try NastyServer(behave: nil) }
    ports = held.map(\.port)
    let file = try folder.write(
      "nginx.conf",
      """
      daemon off; master_process off; worker_processes 1; pid \(folder.file("nginx.pid"));
      error_log \(folder.file("error.log")); events { worker_connections 64; }
      http {
        access_log off; default_type text/plain; server_tokens off;
        client_body_temp_path \(folder.path); proxy_temp_path \(folder.path);
        fastcgi_temp_path \(folder.path); uwsgi_temp_path \(folder.path);
        scgi_temp_path \(folder.path);
        \(servers(ports))
      }
      """)
    for server in held { server.stop() }
    let command = ["nginx", "-p", folder.path, "-e", folder.file("error.log"), "-c", file]
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    // Debian has it in /usr/sbin, which not every PATH names.
    let path = access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx"
    errno = posix_spawnp(&child, path, nil, nil, &arguments, environ)
    guard errno == 0 else { throw SystemError("nginx") }
    process = child
  }

  func stop() {
    // It has this thread's signal mask, in which SIGTERM is blocked.
    kill(process, SIGKILL)
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
  }

  /// Waits until it serves.
  func isUp() async throws {
    let prober = try await Prober(.tcp, ":\(ports[ports.count - 1])")
    let start = ContinuousClock.now
    while await prober.run() != .passed("connected") {
      if ContinuousClock.now - start > .seconds(20) { throw SystemError("nginx does not serve") }
      try await loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
    }
  }
}
