import CLaunch
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Checks

extension ProbeTests {
  /// Two generations take connections from one socket. The old one answers 200, the new one 204; a probe
  /// for one of them passes with its status alone, whoever the kernel gives the connections to.
  @Suite("Only the generation that is judged counts")
  struct GenerationTests {
    /// The generations 1 and 2 on one listening socket.
    private struct Pair {
      let listener: NastyServer
      let old: GenerationProcess
      let new: GenerationProcess
      private let path: String

      init(
        _ old: [String], _ new: [String], place: NastyServer.Place = .v4, defers: CInt? = nil,
        between pause: Duration = .zero
      ) throws {
        if case .unix(let path) = place { self.path = path } else { path = "" }
        listener = try NastyServer(place, backlog: 256, behave: nil)
        if var defers {
          setsockopt(
            listener.descriptor, CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, &defers,
            socklen_t(MemoryLayout<CInt>.size))
        }
        self.old = try GenerationProcess(
          server: ["200"] + old, inherits: listener.descriptor, number: 1)
        if pause > .zero { usleep(useconds_t(pause / .microseconds(1))) }
        self.new = try GenerationProcess(
          server: ["204"] + new, inherits: listener.descriptor, number: 2)
      }

      func prober(
        _ kind: CheckSpec.Kind = .http, _ text: String = "@web/ status=any", judging: Int? = 2
      ) async throws -> Prober {
        let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
        return try await Prober(
          kind, text, [passed], generation: judging, of: [1: old.pid, 2: new.pid])
      }

      func stop() {
        old.stop()
        new.stop()
        listener.stop()
        unlink(path)
      }
    }

    @Test(
      "whoever accepts, only the judged generation's answers pass",
      arguments: ["accept", "select", "epoll", "greedy", "exclusive"])
    func styles(_ style: String) async throws {
      for place in [NastyServer.Place.v4, .unix(socketPath())] {
        let pair = try Pair(["--style", style], ["--style", style], place: place)
        defer { pair.stop() }
        let new = try await pair.prober()
        let old = try await pair.prober(judging: 1)
        for _ in 0..<10 {
          let ofNew = await new.run()
          #expect(ofNew == .passed("204"))
          let ofOld = await old.run()
          #expect(ofOld == .passed("200"))
        }
        let connects = try await pair.prober(.tcp, "@web")
        for _ in 0..<3 { #expect(await connects.run() == .passed("connected")) }
      }
    }

    @Test(
      "an old generation of 16 workers does not keep the new one's only worker from being judged",
      arguments: ["accept", "select", "epoll", "greedy", "exclusive"])
    func many(_ style: String) async throws {
      // The old ones wait long before the new one comes.
      let pair = try Pair(
        ["--style", style, "--workers", "16"], ["--style", style, "--delay", "1"])
      defer { pair.stop() }
      let prober = try await pair.prober()
      for _ in 0..<5 {
        let result = await prober.run(timeout: .seconds(30))
        #expect(result == .passed("204"))
      }
    }

    @Test(
      "while the new generation does not accept, nothing passes; once it does, it passes",
      arguments: ["accept", "greedy"])
    func late(_ style: String) async throws {
      let pair = try Pair(["--style", style], ["--style", style, "--delay", "3"])
      defer { pair.stop() }
      let prober = try await pair.prober()
      let result = await prober.run(timeout: .milliseconds(700))
      // Before Python is up, nobody answers at all.
      let old = "answered by the old generation only"
      guard case .timedOut = result else {
        Issue.record("\(result)")
        return
      }
      #expect(await prober.run(timeout: .seconds(1)) == .timedOut(old))
      #expect(await prober.run(timeout: .seconds(20)) == .passed("204"))
    }

    @Test("a new generation that is dead or deaf never passes, whatever the kind of check")
    func dead() async throws {
      let pair = try Pair([], ["--style", "deaf"])
      defer { pair.stop() }
      let http = try await pair.prober()
      // Until the old one is up.
      while await (try pair.prober(judging: 1)).run() != .passed("200") {}
      let connects = try await pair.prober(.tcp, "@web")
      let other = ProbeResult.timedOut("answered by the old generation only")
      for prober in [http, connects] { #expect(await prober.run(timeout: .seconds(1)) == other) }
      kill(pair.new.pid, SIGKILL)
      for prober in [http, connects] { #expect(await prober.run(timeout: .seconds(1)) == other) }
    }

    @Test("the new generation's bad answer is its failure, and not the old one's good one")
    func bad() async throws {
      let pair = try Pair([], [])
      defer { pair.stop() }
      let prober = try await pair.prober(.http, "@web/ status=200")
      for _ in 0..<5 { #expect(await prober.run() == .failed("204, expected 200")) }
    }

    @Test("a socket that defers gives its connections to the servers all the same")
    func defers() async throws {
      let pair = try Pair([], [], defers: 30)
      defer { pair.stop() }
      let prober = try await pair.prober(.http, "@web/a/path status=any method=POST")
      for _ in 0..<5 { #expect(await prober.run() == .passed("204")) }
      // As an address, it does not tell that it defers.
      let address = try await pair.prober(.http, ":\(pair.listener.port)/ status=any")
      for _ in 0..<2 { #expect(await address.run() == .passed("204")) }
    }

    @Test("a generation is judged over TLS and by gRPC as well", arguments: [false, true])
    func otherProtocols(defers: Bool) async throws {
      let certificates = try Certificates()
      defer { certificates.remove() }
      let tls = try await TLSServer(
        certificates.good, answer: TLSTests.answer, defers: defers)
      // The tests' own process, and what it has started, is the generation.
      let heads = [1: pid_t(1), 2: getpid()]
      let https = try await Prober(
        .http, "https://127.0.0.1:\(tls.port)/ tls-ca=\(certificates.good.certificate)", [],
        generation: 2, of: heads)
      let stranger = try await Prober(
        .http, "https://127.0.0.1:\(tls.port)/ tls-ca=\(certificates.good.certificate)", [],
        generation: 3, of: heads)
      for _ in 0..<3 { #expect(await https.run() == .passed("200")) }
      guard case .timedOut = await stranger.run(timeout: .milliseconds(500)) else {
        Issue.record("another generation passed")
        return
      }
      try await tls.stop()
      let server = try GRPCServer()
      defer { server.stop() }
      let grpc = try await Prober(.grpc, ":\(server.port)", [], generation: 2, of: heads)
      for _ in 0..<3 { #expect(await grpc.run() == .passed("SERVING")) }
    }

    @Test("before it is known who has a connection, nothing is sent on it")
    func nothingSent() async throws {
      let listener = try NastyServer { connection in
        _ = connection.readRequest()
      }
      defer { listener.stop() }
      let new = try GenerationProcess(
        server: ["204", "--style", "deaf"], inherits: listener.descriptor, number: 2)
      // Stands for the old one: the tests' own process has what the thread accepts.
      defer { new.stop() }
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(
        .http, "@web/", [passed], generation: 2, of: [1: 1, 2: new.pid])
      _ = await prober.run(timeout: .seconds(1))
      #expect(listener.requests.allSatisfy { $0.isEmpty })
      #expect(listener.requests.count > 3)
    }

    @Test("where nobody listens, the connection is refused, as ever")
    func refused() async throws {
      let server = try NastyServer(behave: nil)
      let port = server.port
      server.stop()
      for place in [":\(port)/", "http://127.0.0.1:\(port)/", "http://[::1]:\(port)/"] {
        let prober = try await Prober(
          .http, place, [], generation: 2, of: [1: getpid(), 2: getpid()])
        #expect(await prober.run() == .failed("connect refused"))
      }
      let path = socketPath()
      let prober = try await Prober(
        .tcp, "unix:\(path)", [], generation: 2, of: [1: getpid(), 2: getpid()])
      guard case .failed = await prober.run() else {
        Issue.record("it passed")
        return
      }
    }

    @Test("without a descriptor for a connection, nothing is said of the child")
    func noDescriptors() async throws {
      let pair = try Pair([], [])
      defer { pair.stop() }
      let prober = try await pair.prober()
      #expect(await prober.run() == .passed("204"))
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      var none = rlimit(rlim_cur: 3, rlim_max: limit.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
      let result = await prober.run(timeout: .seconds(2))
      let generations = Generations()
      generations.heads = [1: pair.old.pid]
      let obstacle = generations.obstacle
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(
        obstacle == "vouch cannot look into process \(pair.old.pid): too many open files",
        "its own trouble, before it starts another generation")
      #expect(generations.obstacle == nil)
      guard case .inconclusive = result else {
        Issue.record("\(result)")
        return
      }
      #expect(await prober.run() == .passed("204"))
    }

    @Test("workers that come and go with each connection are of their generation")
    func shortLives() async throws {
      let pair = try Pair(
        ["--workers", "4", "--lives", "1"], ["--workers", "2", "--lives", "1"])
      defer { pair.stop() }
      let prober = try await pair.prober()
      for _ in 0..<20 { #expect(await prober.run() == .passed("204")) }
    }

    @Test("what has lost its parents is known by its environment or its session")
    func orphans() async throws {
      #expect(claunch_become_subreaper() == 0)
      let pair = try Pair(["--orphan"], ["--orphan"])
      defer {
        pair.stop()
        for orphan in ProcessTree.offspring(of: getpid()) {
          let environment = ProcFile.read("/proc/\(orphan)/environ") ?? []
          let command = ProcFile.read("/proc/\(orphan)/cmdline") ?? []
          if Lineage.number(inEnvironment: environment) != nil,
            String(decoding: command, as: UTF8.self).contains("generation_server.py")
          {
            kill(orphan, SIGKILL)
          }
        }
      }
      let prober = try await pair.prober()
      for _ in 0..<5 { #expect(await prober.run() == .passed("204")) }
    }

    @Test("what tells nothing of where it comes from is of no generation, and never passes")
    func scrubbed() async throws {
      #expect(claunch_become_subreaper() == 0)
      let pair = try Pair(["--style", "deaf"], ["--orphan", "--scrub"])
      defer {
        pair.stop()
        for orphan in ProcessTree.offspring(of: getpid())
        where String(decoding: ProcFile.read("/proc/\(orphan)/cmdline") ?? [], as: UTF8.self)
          .contains("generation_server.py\0204")
        { kill(orphan, SIGKILL) }
      }
      let old = try await pair.prober(judging: 1)
      let new = try await pair.prober()
      // Once the orphan accepts, the answer would be there within milliseconds.
      for prober in [new, old] {
        guard case .timedOut = await prober.run(timeout: .seconds(3)) else {
          Issue.record("it passed")
          continue
        }
      }
      #expect(try await pair.prober(judging: nil).run() == .passed("204"))
    }

    @Test(
      "what is older than the new generation is of the old one, and never passes for the new one")
    func elder() async throws {
      #expect(claunch_become_subreaper() == 0)
      let pair = try Pair(["--orphan", "--scrub"], ["--style", "deaf"], between: .seconds(1))
      defer {
        pair.stop()
        for orphan in ProcessTree.offspring(of: getpid())
        where String(decoding: ProcFile.read("/proc/\(orphan)/cmdline") ?? [], as: UTF8.self)
          .contains("generation_server.py\0200")
        { kill(orphan, SIGKILL) }
      }
      let old = try await pair.prober(judging: 1)
      for _ in 0..<5 { #expect(await old.run() == .passed("200")) }
      guard case .timedOut = await (try pair.prober()).run(timeout: .seconds(2)) else {
        Issue.record("it passed")
        return
      }
    }

    @Test(
      "where the kernel does not show who accepts, nothing passes, and the reason says so",
      .enabled(if: geteuid() != 0))
    func hidden() async throws {
      let pair = try Pair(["--hidden"], ["--hidden"])
      defer { pair.stop() }
      while await (try pair.prober(judging: nil)).run() != .passed("200"),
        await (try pair.prober(judging: nil)).run() != .passed("204")
      {}
      try await Task.sleep(for: .seconds(1))
      let result = await (try pair.prober()).run(timeout: .seconds(1))
      #expect(
        result == .failed("whose answers they are cannot be seen: \(Ownership.hidden)"))
      let generations = Generations()
      generations.heads = [1: pair.old.pid]
      #expect(generations.obstacle?.hasPrefix("process \(pair.old.pid) ") == true)
      generations.heads = [1: getpid()]
      #expect(generations.obstacle == nil)
    }

    @Test("an old generation of one worker serves on while the new one does not begin")
    func disturbance() async throws {
      let pair = try Pair([], ["--delay", "60"])
      defer { pair.stop() }
      let old = try await pair.prober(judging: 1)
      while await old.run() != .passed("200") {}
      let new = try await pair.prober()
      async let seeking = new.run(timeout: .seconds(3))
      var waits: [Duration] = []
      let end = ContinuousClock.now + .seconds(2)
      while ContinuousClock.now < end {
        let start = ContinuousClock.now
        #expect(await askPlainly(pair.listener.port))
        waits.append(.now - start)
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(await seeking == .timedOut("answered by the old generation only"))
      waits.sort()
      // Alone it takes a tenth of that; the rest is for a busy machine.
      #expect(waits[waits.count * 9 / 10] < .milliseconds(25), "\(waits)")
    }

    /// A client of the service, which is none of vouch's.
    private func askPlainly(_ port: Int) async -> Bool {
      await (try? http("http://127.0.0.1:\(port)/ status=any")) != nil
    }

    @Test("a stranger on the socket of both generations is named")
    func stranger() async throws {
      let listener = try NastyServer(backlog: 64, behave: nil)
      // The first process stands for vouch, its workers for the heads.
      let root = try GenerationProcess(
        server: ["200", "--style", "deaf", "--workers", "2"], inherits: listener.descriptor,
        number: 1)
      let stranger = try ServerProcess("3", inherits: listener.descriptor)
      defer {
        root.stop()
        stranger.stop()
        listener.stop()
      }
      while ProcessTree.offspring(of: root.pid).count < 2 { await Task.yield() }
      let heads = ProcessTree.offspring(of: root.pid)
      let passed = try #require(ListenerAddress(name: "web", descriptor: listener.descriptor))
      let prober = try await Prober(
        .http, "@web/", [passed], generation: 2, of: [1: heads[0], 2: heads[1]], root: root.pid)
      for _ in 0..<3 { #expect(await prober.run() == .failed(stranger.reason)) }
    }

    @Test("seeking leaves no descriptor open, and never has more than it may")
    func descriptors() async throws {
      let pair = try Pair(["--style", "greedy"], ["--style", "deaf"])
      defer { pair.stop() }
      while await (try pair.prober(judging: 1)).run() != .passed("200") {}
      let prober = try await pair.prober()
      _ = await prober.run(timeout: .milliseconds(100))
      let before = openDescriptors()
      let most = Mutex(0)
      let watcher = Task {
        while !Task.isCancelled {
          most.withLock { $0 = max($0, openDescriptors()) }
          try? await Task.sleep(for: .milliseconds(1))
        }
      }
      for turns in 0..<20 { #expect(try await prober.runAndCancel(afterTurns: turns * 3) == false) }
      _ = await prober.run(timeout: .seconds(1))
      watcher.cancel()
      #expect(openDescriptors() <= before)
      // The searches have a folder open as well.
      #expect(most.withLock { $0 } <= before + SeekPace.most + 6)
    }

    @Test("with one generation alive, its probe is an ordinary one: one connection each")
    func alone() async throws {
      let connections = Counter()
      let server = try NastyServer { connection in
        connections.add()
        if !connection.readRequest().isEmpty {
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
      }
      defer { server.stop() }
      let passed = try #require(ListenerAddress(name: "web", descriptor: server.descriptor))
      let prober = try await Prober(
        .http, "@web/", [passed], generation: 2, of: [2: getpid()])
      for _ in 0..<5 { #expect(await prober.run() == .passed("200")) }
      #expect(connections.value == 5)
    }

    @Test("a command is told the generation that it judges")
    func command() async throws {
      let runner = RecordingRunner()
      let prober = try await Prober(
        .exec, "check", [], generation: 2, of: [1: 10, 2: 20], runner: runner)
      #expect(await prober.run() == .passed("exit 0"))
      #expect(runner.variables == [["VOUCH_GENERATION": "2", "MAINPID": "20"]])
      let plain = try await Prober(
        .exec, "check", [], generation: nil, of: [1: 10, 2: 20], runner: runner)
      _ = await plain.run()
      #expect(runner.variables.last == [:])
    }

    private final class RecordingRunner: CommandRunner, Sendable {
      private final class Handle: CommandHandle {
        func kill() {}
      }
      private let seen = Mutex<[[String: String]]>([])
      var variables: [[String: String]] { seen.withLock { $0 } }

      func run(
        _ command: [String], variables: [String: String], _ ended: @escaping (CommandEnd) -> Void
      ) -> Result<any CommandHandle, CommandFailure> {
        seen.withLock { $0.append(variables) }
        let end = NIOLoopBound(ended, eventLoop: loop)
        loop.execute { end.value(.exited(0)) }
        return .success(Handle())
      }
    }

    @Test("the pace: quick at first, a twentieth of the time later, 50 ms at most")
    func pace() {
      #expect(SeekPace.pause(after: .zero) == .milliseconds(1))
      #expect(SeekPace.pause(after: .milliseconds(400)) == .milliseconds(20))
      #expect(SeekPace.pause(after: .seconds(60)) == .milliseconds(50))
      #expect(SeekPace.grace(after: .zero) == .milliseconds(1))
      #expect(SeekPace.grace(after: .milliseconds(250)) == .microseconds(2500))
      #expect(SeekPace.grace(after: .seconds(60)) == .milliseconds(5))
      let bursts = (0..<1000).map(SeekPace.burst)
      #expect(bursts.allSatisfy { (1...SeekPace.most).contains($0.lines) })
      #expect(bursts.prefix(8).allSatisfy { $0 == .single })
      #expect(bursts.contains { $0.knocks > 0 })
      // A listen queue is for clients.
      for burst in bursts {
        #expect(burst.fitting(queued: 1, backlog: 4096) == .single)
        for backlog in [0, 1, 5, 16, 128] {
          let fitting = burst.fitting(queued: 0, backlog: backlog)
          #expect(fitting.knocks >= 0 && fitting.lines >= 1)
          #expect(fitting.knocks + fitting.lines <= max(1, backlog / 2))
        }
      }
    }

    @Test("a process's generation is read from its environment's own entry alone")
    func environment() {
      func number(_ text: String) -> Int? { Lineage.number(inEnvironment: Array(text.utf8)) }
      #expect(number("A=1\0VOUCH_GENERATION=12\0B=2") == 12)
      #expect(number("A=VOUCH_GENERATION=12") == nil)
      #expect(number("VOUCH_GENERATIONS=12") == nil)
      #expect(number("VOUCH_GENERATION=x") == nil)
      #expect(number("") == nil)
    }
  }
}
