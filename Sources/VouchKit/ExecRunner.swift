import Checks
import Glibc
import Launch
import NIOCore

/// Runs the commands of `--exec` checks, through the same launch as the child.
///
/// Not through swift-subprocess: vouch reaps every process that it inherits, and two reapers in one
/// process take each other's children; it also adds threads (FIELD-NOTES, section 3).
///
/// A command gets /dev/null for its standard streams, so whatever it prints costs nothing, and a
/// process group of its own, so that it can be killed with all that it started.
final class ExecRunner: CommandRunner {
  private let environment: ChildEnvironment
  private let signals: SignalState
  private var running: [ProcessID: (CommandEnd) -> Void] = [:]

  init(environment: ChildEnvironment, signals: SignalState) {
    self.environment = environment.forChild(passing: 0, names: nil)
    self.signals = signals
  }

  func run(
    _ command: [String], variables: [String: String], _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure> {
    start(command, variables: variables, ended)
  }

  /// When a command last ended.
  private(set) var lastEnd: NIODeadline?

  /// The processes that run for it now.
  var processes: Set<ProcessID> { Set(running.keys) }

  /// - Parameters:
  ///   - variables: for the command's environment, beside vouch's own.
  ///   - isHeard: whether what it prints goes where vouch's own output goes, or nowhere.
  func start(
    _ command: [String], variables: [String: String] = [:], isHeard: Bool = false,
    _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure> {
    let arguments = command.map { Array($0.utf8) }
    switch CommandResolver.resolve(arguments[0], searchPath: environment["PATH"]) {
    case .notFound: return .failure(.cannotRun("\(command[0]): command not found"))
    case .notExecutable(let path, let reason):
      return .failure(.cannotRun("\(String(decoding: path, as: UTF8.self)): \(reason)"))
    case .found(let paths):
      var request = LaunchRequest(
        paths: paths, arguments: arguments,
        environment: variables.reduce(environment) { $0.setting($1.key, to: $1.value) },
        signals: signals)
      request.standardInput = .null
      if !isHeard {
        request.standardOutput = .null
        request.standardError = .null
      }
      request.session = .newGroup(terminal: nil)
      request.dieWithParent = true
      do {
        let process = try launch(request)
        running[process] = ended
        return .success(Handle(process: process, runner: self))
      } catch {
        return .failure(
          error.isShortage || error.step != .executing
            ? .ownTrouble(error.description) : .cannotRun(error.description))
      }
    }
  }

  /// Tells of a process that was reaped; others than its own are ignored.
  func reaped(_ process: ProcessID, _ status: ExitStatus) {
    guard let ended = running.removeValue(forKey: process) else { return }
    lastEnd = .now()
    // What the command left behind in its group would go on for ever, one more with each probe.
    try? process.sendToGroup(.kill)
    switch status {
    case .exited(let code): ended(.exited(code))
    case .signaled(let signal, coreDumped: _): ended(.signaled(signal.description))
    }
  }

  private final class Handle: CommandHandle {
    private let process: ProcessID
    private weak var runner: ExecRunner?

    init(process: ProcessID, runner: ExecRunner) {
      self.process = process
      self.runner = runner
    }

    func kill() {
      // Once reaped, the number may be another's.
      guard runner?.running[process] != nil else { return }
      try? process.sendToGroup(.kill)
    }
  }
}
