import NIOCore
import Testing

@testable import Checks

/// A runner that starts nothing: each command does what its line of the script says. It belongs to
/// the loop's thread.
private final class ScriptedRunner: CommandRunner, @unchecked Sendable {
  enum Line {
    case ends(CommandEnd)
    /// As every process that is not stuck in the kernel.
    case endsWhenKilled
    /// As a process that waits for a disk.
    case outlivesKill
    case doesNotStart(CommandFailure)
  }

  private final class Handle: CommandHandle {
    let onKill: () -> Void
    init(_ onKill: @escaping () -> Void) { self.onKill = onKill }
    func kill() { onKill() }
  }

  private var script: [Line]
  /// What was asked of this runner: the commands, and "kill".
  private(set) var log: [String] = []
  /// Ends what outlived its kill.
  private(set) var release: (() -> Void)? = nil

  init(_ script: [Line]) {
    self.script = script
  }

  func run(
    _ command: [String], variables: [String: String], _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure> {
    log.append(command.joined(separator: " "))
    let line = script.removeFirst()
    if case .doesNotStart(let failure) = line { return .failure(failure) }
    let end = NIOLoopBound(ended, eventLoop: loop)
    if case .ends(let how) = line { loop.execute { end.value(how) } }
    return .success(
      Handle {
        self.log.append("kill")
        switch line {
        case .endsWhenKilled: loop.execute { end.value(.signaled("SIGKILL")) }
        default: self.release = { end.value(.signaled("SIGKILL")) }
        }
      })
  }
}

extension ProbeTests {
  @Suite("Commands")
  struct ExecProbeTests {
    private func prober(_ runner: ScriptedRunner) async throws -> Prober {
      try await Prober {
        ExecProbe(["check", "-v"], runner: runner, deadlines: try! Deadlines())
      }
    }

    private func log(_ runner: ScriptedRunner) async throws -> [String] {
      try await loop.submit { runner.log }.get()
    }

    @Test("exit 0 passes, and every other end fails with what it was")
    func ends() async throws {
      let runner = ScriptedRunner([
        .ends(.exited(0)), .ends(.exited(1)), .ends(.exited(255)), .ends(.signaled("SIGSEGV")),
      ])
      let prober = try await prober(runner)
      #expect(await prober.run() == .passed("exit 0"))
      #expect(await prober.run() == .failed("exit 1"))
      #expect(await prober.run() == .failed("exit 255"))
      #expect(await prober.run() == .failed("killed by SIGSEGV"))
      #expect(try await log(runner) == ["check -v", "check -v", "check -v", "check -v"])
    }

    @Test("a command that does not start fails, unless that is vouch's own trouble")
    func notStarted() async throws {
      let runner = ScriptedRunner([
        .doesNotStart(.cannotRun("check: no such file or directory")),
        .doesNotStart(.ownTrouble("fork: no memory")), .ends(.exited(0)),
      ])
      let prober = try await prober(runner)
      #expect(await prober.run() == .failed("check: no such file or directory"))
      #expect(await prober.run() == .inconclusive("fork: no memory"))
      #expect(await prober.run() == .passed("exit 0"))
    }

    @Test("at the deadline the command is killed, and the probe ends once it is reaped")
    func deadline() async throws {
      let runner = ScriptedRunner([.endsWhenKilled, .ends(.exited(0))])
      let prober = try await prober(runner)
      let start = ContinuousClock.now
      #expect(
        await prober.run(timeout: .milliseconds(100))
          == .timedOut("not ended within 100 ms"))
      // Well before the second that a command has which outlives its kill.
      let time = ContinuousClock.now - start
      #expect(time >= .milliseconds(100) && time < .milliseconds(1100))
      #expect(await prober.run() == .passed("exit 0"))
      #expect(try await log(runner) == ["check -v", "kill", "check -v"])
    }

    @Test("a command that outlives its kill ends the probe all the same, and is joined by no other")
    func unkillable() async throws {
      let runner = ScriptedRunner([.outlivesKill, .ends(.exited(0))])
      let prober = try await prober(runner)
      let start = ContinuousClock.now
      #expect(
        await prober.run(timeout: .milliseconds(100))
          == .timedOut("not ended within 100 ms"))
      #expect(ContinuousClock.now - start < .seconds(10))

      #expect(
        await prober.run()
          == .inconclusive("the command of an earlier probe was killed but has not ended"))
      #expect(try await log(runner) == ["check -v", "kill"])

      try await loop.submit { runner.release?() }.get()
      #expect(await prober.run() == .passed("exit 0"))
    }

    @Test("cancel() kills the command and keeps quiet about its end")
    func cancelled() async throws {
      let runner = ScriptedRunner([.endsWhenKilled, .ends(.exited(0))])
      let prober = try await prober(runner)
      #expect(try await !prober.runAndCancel(afterTurns: 2))
      #expect(try await log(runner) == ["check -v", "kill"])
      #expect(await prober.run() == .passed("exit 0"))
    }

    @Test("cancel() after the end kills nothing")
    func cancelledLate() async throws {
      let runner = ScriptedRunner([.ends(.exited(0))])
      let prober = try await prober(runner)
      #expect(try await prober.runAndCancel(afterTurns: 5))
      #expect(try await log(runner) == ["check -v"])
    }
  }
}
