import Glibc
import NIOCore
import Testing

@testable import Checks

/// How soon a generation is reached beside another one, printed as a table. Run it with
/// VOUCH_MEASURE=1 and `--filter GenerationMeasurement`.
@Suite(
  "How soon a generation is reached", .serialized,
  .enabled(if: getenv("VOUCH_MEASURE") != nil))
struct GenerationMeasurement {
  private static let rounds = 40

  @Test func table() async throws {
    print("| servers | load | connections: median, 95 %, worst | ms: median, 95 %, worst |")
    print("|---|---|---|---|")
    let only = getenv("VOUCH_MEASURE").map { String(cString: $0) }
    for load in only == "idle" ? [0] : [0, 16] {
      for style in ["accept", "select", "epoll", "greedy", "exclusive"] {
        for (old, new) in [(1, 1), (16, 1)] {
          try await measure(
            "\(style) \(old):\(new)",
            Self.server(style, old), Self.server(style, new), clients: load)
        }
      }
      let folder = try TestFolder()
      for (old, new) in [(1, 1), (16, 1)] {
        try await measure(
          "gunicorn sync \(old):\(new)", Self.gunicorn(old), Self.gunicorn(new), clients: load)
        for options in ["", "multi_accept on;", "accept_mutex on;"] {
          try await measure(
            "nginx \(options) \(old):\(new)", { try Self.nginx(folder, old, options, $0) },
            { try Self.nginx(folder, new, options, $0) }, clients: load)
        }
      }
      try await measure("node 1:1", Self.node(), Self.node(), clients: load)
    }
  }

  private typealias Command = (Int) throws -> (command: [String], environment: [String])

  private static func server(_ style: String, _ workers: Int) -> Command {
    { _ in
      (
        [
          "/usr/bin/python3", GenerationProcess.fixture("generation_server.py"), "200", "--style",
          style, "--workers", "\(workers)",
        ], []
      )
    }
  }

  private static func gunicorn(_ workers: Int) -> Command {
    { _ in
      (
        [
          "/bin/sh", "-c",
          "cd \(GenerationProcess.fixture("wsgi-app")); LISTEN_PID=$$ LISTEN_FDS=1 exec "
            + "/usr/bin/gunicorn -w \(workers) --log-level error app:app",
        ], []
      )
    }
  }

  private static func node() -> Command {
    { _ in (["/usr/bin/node", GenerationProcess.fixture("node-app/server.js")], []) }
  }

  private static func nginx(
    _ folder: TestFolder, _ workers: Int, _ options: String, _ number: Int
  ) throws -> (command: [String], environment: [String]) {
    let port = listenerPort
    let file = try folder.write(
      "nginx-\(number).conf",
      """
      daemon off; worker_processes \(workers); pid \(folder.file("nginx-\(number).pid"));
      error_log \(folder.file("error.log")); events { worker_connections 512; \(options) }
      http {
        access_log off; client_body_temp_path \(folder.path); proxy_temp_path \(folder.path);
        fastcgi_temp_path \(folder.path); uwsgi_temp_path \(folder.path);
        scgi_temp_path \(folder.path);
        server { listen 127.0.0.1:\(port); return 200 "hello"; }
      }
      """)
    return (
      ["/usr/sbin/nginx", "-p", folder.path, "-e", folder.file("error.log"), "-c", file],
      ["NGINX=3;"]
    )
  }

  nonisolated(unsafe) private static var listenerPort = 0

  private func measure(
    _ name: String, _ old: Command, _ new: Command, clients: Int
  ) async throws {
    let listener = try NastyServer(backlog: 512, behave: nil)
    defer { listener.stop() }
    Self.listenerPort = listener.port
    let first = try old(1)
    let second = try new(2)
    let before = try GenerationProcess(
      first.command, inherits: listener.descriptor, number: 1, environment: first.environment)
    defer { before.stop() }
    let after = try GenerationProcess(
      second.command, inherits: listener.descriptor, number: 2, environment: second.environment)
    defer { after.stop() }
    try await Task.sleep(for: .seconds(2))
    var wrk: GenerationProcess?
    if clients > 0 {
      wrk = try GenerationProcess(
        [
          "/usr/bin/wrk", "-t1", "-c\(clients)", "-d60", "-H", "Connection: close",
          "http://127.0.0.1:\(listener.port)/",
        ], inherits: 2, number: 0)
      try await Task.sleep(for: .milliseconds(500))
    }
    defer { wrk?.stop() }
    let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
    let heads = [1: before.pid, 2: after.pid]
    let world = try await loop.submit {
      let generations = Generations()
      generations.heads = heads
      let kin = Kin(root: getpid(), includesRoot: true, generations: generations) { _ in }
      return NIOLoopBound(Ownership(kin, passed: [passed], diag: SocketDiag()), eventLoop: loop)
    }.get()
    var times: [Double] = []
    var attempts: [Int] = []
    var failures = 0
    for _ in 0..<Self.rounds {
      let start = ContinuousClock.now
      let made = await withCheckedContinuation { continuation in
        loop.execute {
          let box = NIOLoopBoundBox<GenerationSeek?>(nil, eventLoop: loop)
          let seek = GenerationSeek(
            passed.peers[0], generation: 2, ownership: world.value, opening: 71,
            passed: passed.descriptor, loop: loop, connected: {},
            found: { found in
              if case .line(let descriptor, _) = found { close(descriptor) }
              continuation.resume(returning: box.value?.attempts ?? -1)
              box.value = nil
            })
          box.value = seek
          seek.start()
          loop.assumeIsolated().scheduleTask(in: .seconds(3)) {
            guard box.value === seek else { return }
            box.value = nil
            seek.drop()
            continuation.resume(returning: -seek.attempts)
          }
        }
      }
      if made <= 0 { failures += 1 }
      attempts.append(abs(made))
      times.append((ContinuousClock.now - start) / .milliseconds(1))
      try await Task.sleep(for: .milliseconds(10))
    }
    times.sort()
    attempts.sort()
    func at(_ part: Double) -> Int { Int(Double(Self.rounds - 1) * part) }
    func shown(_ part: Double) -> String { "\(Double(Int(times[at(part)] * 10)) / 10)" }
    print(
      "| \(name) | \(clients) | \(attempts[at(0.5)]), \(attempts[at(0.95)]), \(attempts[at(1)]) | "
        + "\(shown(0.5)), \(shown(0.95)), \(shown(1)) |"
        + (failures > 0 ? " \(failures) not within 3 s" : ""))
  }
}
