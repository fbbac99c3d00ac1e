import Glibc
import Handover
import Launch
import Supervision
import SystemPackage

/// The program that vouch runs: how it is started, and how it is signalled.
struct Child {
  let process: ProcessID
  /// Whether it leads a process group of its own, which can be killed as a whole.
  let leadsGroup: Bool
  /// Whether what the terminal sends to the foreground group reaches it as well as vouch.
  var sharesTerminal: Bool { !leadsGroup }

  /// Starts the child: the sockets as `--pass` has it, its standard streams, and nothing else
  /// (rule 10).
  ///
  /// - Parameter beside: whether another generation serves on the sockets meanwhile.
  static func start(
    _ recipe: Recipe, handover: Handover, signals: SignalState, adopt: AdoptDesk?, beside: Bool
  ) throws(LaunchError) -> Child {
    let session = Self.session
    var request = LaunchRequest(
      paths: recipe.paths, arguments: recipe.arguments, environment: recipe.environment,
      signals: signals)
    handover.setNonblocking(clear: !beside)
    request.pass(handover)
    request.session = session
    request.dieWithParent = true
    let process = if let adopt { try adopt.launch(request) } else { try launch(request) }
    return Child(process: process, leadsGroup: session != .inherited)
  }

  /// On a terminal the child stays in vouch's process group, so that Ctrl-C and Ctrl-Z do what they
  /// do without vouch. Everywhere else it is on its own, as a service that systemd starts is, and
  /// `kill 0` or killpg(2) in it does not reach vouch.
  private static var session: LaunchRequest.Session {
    let terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
    if terminal >= 0 {
      close(terminal)
      return .inherited
    }
    return getsid(0) == getpid() ? .newSession : .newGroup(terminal: nil)
  }

  /// A signal to the child alone.
  func send(_ signal: NamedSignal) {
    guard let raw = Launch.Signal(rawValue: signal.number) else { return }
    // It may have ended already; its SIGCHLD is on the way then.
    try? process.send(raw)
  }

  /// A stop signal, with SIGCONT behind it, as systemd does it (unit_kill_context): what is stopped
  /// would not see the signal.
  func stop(_ signal: NamedSignal) {
    if let raw = Launch.Signal(rawValue: signal.number) { try? process.sendThoughStopped(raw) }
    try? process.send(.continue)
  }

  /// SIGKILL, to its group where that is its own.
  func kill() {
    if leadsGroup { try? process.sendToGroup(.kill) }
    try? process.send(.kill)
  }
}
