import Glibc
import Launch
import SystemPackage

/// `run [OPTION...] -- COMMAND [ARG...]`: stands between its parent and a program, as vouch does:
/// blocks signals, ignores SIGPIPE as swift-nio does, launches, forwards, reaps, ends alike.
func runProgram() -> Never {
  let signals = SignalState.capture()
  let blocked = SignalState.block()
  signal(SIGPIPE, SIG_IGN)

  let all = ProgramArguments.current
  guard let separator = all.firstIndex(of: Array("--".utf8)) else { fail("no --", code: 64) }
  let command = Array(all[(separator + 1)...])
  var options = all[2..<separator].map { String(decoding: $0, as: UTF8.self) }[...]

  var request = LaunchRequest(
    paths: [], arguments: command, environment: .current, signals: signals)
  while let option = options.popFirst() {
    switch option {
    case "--pass":
      let number = CInt(options.popFirst()!)!
      // As sd_listen_fds(3) leaves them.
      if number > 2 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
      request.descriptors.append(FileDescriptor(rawValue: number))
    case "--die-with-parent": request.dieWithParent = true
    case "--job": request.session = .newGroup(terminal: .standardInput)
    default: fail("unknown option \(option)", code: 64)
    }
  }

  do {
    try Reaper.becomeSubreaper()
    let inbox = try SignalInbox(signals: blocked)
    let environment = ChildEnvironment.current
    let resolution = CommandResolver.resolve(command[0], searchPath: environment["PATH"])
    guard case .found(let paths) = resolution else {
      fail("\(resolution)", code: resolution.exitCode!)
    }
    request.paths = paths
    request.environment = environment.forChild(passing: request.descriptors.count, names: nil)
    let child = try launch(request)
    supervise(child, inbox)
  } catch let error as LaunchError {
    fail("\(error)", code: error.exitCode)
  } catch {
    fail("\(error)", code: 70)
  }
}

private func supervise(_ child: ProcessID, _ inbox: SignalInbox) -> Never {
  while true {
    for received in inbox.wait() {
      if received.signal == .child {
        for ended in Reaper.reapAll() where ended.process == child { endLike(ended.status) }
      } else if received.origin == .process {
        try? child.send(received.signal)
      }
    }
  }
}

extension SignalInbox {
  /// Waits until a signal arrives; ends the program if none does for half a minute.
  func wait() -> [ReceivedSignal] {
    var waiting = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, 30_000) > 0 else { fail("no signal arrived", code: 70) }
    return drain()
  }
}
