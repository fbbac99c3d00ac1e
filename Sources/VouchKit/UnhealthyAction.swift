import Checks
import Launch
import NIOCore
import Supervision

/// The command of `--on-unhealthy exec=COMMAND`: it may reload a configuration, drop a cache or dump
/// threads before the watchdog acts.
///
/// It is run without a shell, with vouch's own standard output and error, and finds the check, the
/// reason and the child in VOUCH_CHECK, VOUCH_REASON and MAINPID (the name that systemd.service(5) has
/// for the main process in ExecReload=; to vouch's user it is the child).
final class UnhealthyAction {
  private let command: [String]
  private let limit: TimeAmount
  private let commands: ExecRunner
  private var running: (any CommandHandle)?

  /// - Parameter limit: how long the command may take, before it is killed with its process group.
  init(_ command: [String], limit: Duration, commands: ExecRunner) {
    self.command = command
    self.limit = TimeAmount(upToAYear: limit)
    self.commands = commands
  }

  /// Starts the command, unless it still runs.
  ///
  /// - Parameter done: called with what to log: how it ended, or why it did not start.
  func run(
    check: String, reason: String, child: ProcessID?, on loop: any EventLoop,
    _ done: @escaping (LogLevel, String) -> Void
  ) {
    let name = "the command \(command[0])"
    if running != nil { return done(.warning, "\(name) still runs: not started again") }
    var variables = ["VOUCH_CHECK": check, "VOUCH_REASON": reason]
    if let child { variables["MAINPID"] = child.description }
    var timer: Scheduled<Void>?
    let result = commands.start(command, variables: variables, isHeard: true) { [self] end in
      timer?.cancel()
      running = nil
      switch end {
      case .exited(0): done(.info, "\(name) succeeded")
      case .exited(let code): done(.warning, "\(name) exited with status \(code)")
      case .signaled(let signal): done(.warning, "\(name) was killed by \(signal)")
      }
    }
    switch result {
    case .success(let handle):
      running = handle
      timer = loop.assumeIsolated().scheduleTask(in: limit) {
        done(.warning, "\(name) takes too long: killing it")
        handle.kill()
      }
    case .failure(.ownTrouble(let reason)), .failure(.cannotRun(let reason)):
      done(.warning, "\(name) was not started: \(reason)")
    }
  }
}
