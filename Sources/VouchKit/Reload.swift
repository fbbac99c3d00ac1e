import CLaunch
import Glibc
import Launch
import Systemd

/// `vouch reload`: asks a running vouch for a reload, and waits for what comes of it.
public struct Reload: Sendable {
  /// The vouch to ask; nil for MAINPID, as systemd sets it for ExecReload=.
  public var process: Int?

  public init(process: Int? = nil) { self.process = process }

  /// How many seconds the request may wait for room in vouch's queue.
  private static let patience = 5

  /// Exits: 0 when the reload is done, 1 when it failed and all is as it was, 64 for wrong usage, 70
  /// where that vouch cannot be reached. A stop of the service ends a reload, and so ExecReload= with 0:
  /// systemd would take anything else for a failure of the service.
  public func run() -> Never {
    // systemd, or a shell, is to be able to end it.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    // systemd ends it so when the unit is stopped meanwhile, which is no failure of the service's.
    if process == nil {
      signal(SIGTERM) { _ in _exit(0) }
      // The watchdog's, which systemd sends to the commands of ExecReload= as well: nothing is to be learnt
      // from a dump of this one.
      signal(SIGABRT) { _ in _exit(0) }
    }
    do throws(Refusal) {
      try ask(try target(getenv("MAINPID").map { String(cString: $0) }))
      exit(0)
    } catch {
      let output = LogOutput()
      output.write(LogFormat.auto.isPrefixed() ? "<3>\(error)" : "vouch: \(error)")
      exit(error.exitCode)
    }
  }

  func target(_ mainPID: String?) throws(Refusal) -> pid_t {
    if let process {
      guard process > 0, let number = pid_t(exactly: process) else {
        throw .usage("reload: --pid \(process): it is no process")
      }
      return number
    }
    guard let mainPID, !mainPID.isEmpty else {
      throw .usage(
        "reload: MAINPID is not set: run it as ExecReload= of the unit, or give --pid")
    }
    guard let number = pid_t(mainPID), number > 0 else {
      throw .usage("reload: MAINPID=\(mainPID) is no process")
    }
    return number
  }

  private func ask(_ process: pid_t) throws(Refusal) {
    let (address, isInSight) =
      self.process == nil
      ? ReloadAddress.ofMain(process) : (ReloadAddress.of(process), true)
    let notifier: Notifier
    do {
      notifier = try Notifier(socket: address)
    } catch {
      throw .failure("reload: \(error)")
    }
    var ends: [Int32] = [-1, -1]
    guard
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw .failure("reload: no socket for the answer: \(String(cString: strerror(errno)))") }
    defer { close(ends[0]) }
    // Before the request: the answer may be there at once.
    _ = claunch_ask_for_senders(ends[0])
    let error = notifier.send(
      ReloadDesk.request, descriptors: [ends[1]], patience: Self.patience)
    close(ends[1])
    if let error {
      let reason =
        switch error {
        case ECONNREFUSED, ENOENT:
          "no vouch that runs a service listens under that number (one with PrivatePIDs= or in another "
            + "network namespace is not reached: use Type=notify-reload)"
        case EAGAIN: "its queue is full"
        default: String(cString: strerror(error))
        }
      throw .failure("reload: process \(process) cannot be asked: \(reason)")
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    var sender: pid_t = 0
    var user: uid_t = 0
    let count = claunch_receive_from(ends[0], &buffer, buffer.count, &sender, &user)
    guard count > 0,
      let reply = ReloadReply(line: String(decoding: buffer[..<count], as: UTF8.self))
    else { throw .failure("reload: vouch ended, or did not take it") }
    // Anybody may have a socket of that name. Out of sight a process has no number here, but its user.
    if isInSight, sender != process {
      throw .failure("reload: the answer is not of process \(process), but of \(sender)")
    }
    if !isInSight, user != 0, user != geteuid() {
      throw .failure("reload: the answer is not of this unit, but of user \(user)")
    }
    switch reply {
    case .done: return
    case .stopping where self.process == nil: return
    case .stopping: throw Refusal(message: "reload: the service is stopping", exitCode: 1)
    case .failed(let text): throw Refusal(message: "reload: \(text)", exitCode: 1)
    case .refused(let text): throw .failure("reload: \(text)")
    }
  }
}
