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
  private static let only = getenv("VOUCH_MEASURE").map { String(cString: $0) } ?? ""

  @Test(.enabled(if: only != "clients")) func table() async throws {
    print("| servers | load | connections: median, 95 %, worst | ms: median, 95 %, worst |")
    print("|---|---|---|---|")
    for load in Self.only.hasPrefix("idle") ? [0] : [0, 16] {
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

  /// What clients of the old generation notice, while a new one that never accepts is sought.
  @Test(.enabled(if: only == "clients")) func clients() async throws {
    print(
      "| old generation | sought | requests, failed | ms: median, 99 %, worst | vouch: CPU ms/s |")
    print("|---|---|---|---|---|")
    let folder = try TestFolder()
    for (name, old) in [
      ("accept 1", Self.server("accept", 1)), ("gunicorn sync 1", Self.gunicorn(1)),
      ("gunicorn sync 16", Self.gunicorn(16)), ("node", Self.node()),
      ("nginx 16", { try Self.nginx(folder, 16, "", $0) }),
    ] as [(String, Command)] {
      let listener = try NastyServer(backlog: 512, behave: nil)
      defer { listener.stop() }
      Self.listenerPort = listener.port
      let command = try old(1)
      let before = try GenerationProcess(
        command.command, inherits: listener.descriptor, number: 1,
        environment: command.environment)
      defer { before.stop() }
      let after = try GenerationProcess(
        server: ["204", "--style", "deaf"], inherits: listener.descriptor, number: 2)
      defer { after.stop() }
      try await Task.sleep(for: .seconds(2))
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(
        .http, "@web/", [passed], generation: 2, of: [1: before.pid, 2: after.pid])
      for _ in 0..<2 {
        for isSought in [false, true] {
          let start = Self.cpu
          async let seeking: ProbeResult? =
            isSought ? await prober.run(timeout: .seconds(4)) : nil
          let port = listener.port
          let text = await Task.detached { Self.clients(port) }.value
          _ = await seeking
          print(
            "| \(name) | \(isSought) | \(text) | \(Int((Self.cpu - start) * 1000 / 4)) |")
        }
      }
    }
  }

  private static var cpu: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
    }
  }

  /// A hundred connections a second for four seconds, each with a request.
  private static func clients(_ port: Int) -> String {
    let script = """
      import socket, sys, threading, time
      waits, failed = [], [0]
      def ask():
          start = time.monotonic()
          try:
              with socket.create_connection(("127.0.0.1", \(port)), timeout=10) as s:
                  s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
                  answer = b""
                  while data := s.recv(65536): answer += data
                  assert b" 200 " in answer
          except Exception: failed[0] += 1
          waits.append(time.monotonic() - start)
      threads, end = [], time.monotonic() + 4
      while time.monotonic() < end:
          threads.append(threading.Thread(target=ask)); threads[-1].start(); time.sleep(.01)
      for thread in threads: thread.join()
      waits.sort()
      at = lambda part: f"{waits[int((len(waits) - 1) * part)] * 1000:.1f}"
      print(len(waits), failed[0], sep=", ", end=" | ")
      print(at(.5), at(.99), at(1), sep=", ", end="")
      """
    guard let pipe = popen("/usr/bin/python3 -c '\(script)'", "re") else { return "" }
    defer { pclose(pipe) }
    var buffer = [CChar](repeating: 0, count: 512)
    guard fgets(&buffer, 512, pipe) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
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
    let filter = Self.only.split(separator: ":")
    if filter.count > 1, !name.contains(filter[1]) { return }
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
