import NIOCore

/// Passes when a command exits 0. What it prints is never shown: it may hold secrets.
final class ExecProbe: Probe {
  private let command: [String]
  /// For the command's environment, as they are when it is started.
  private let variables: () -> [String: String]
  private let runner: any CommandRunner
  fileprivate let deadlines: Deadlines
  /// The command runs, or was killed and is not reaped yet.
  fileprivate var isUnreaped = false

  init(
    _ command: [String], variables: @escaping () -> [String: String] = { [:] },
    runner: any CommandRunner, deadlines: Deadlines
  ) {
    self.command = command
    self.variables = variables
    self.deadlines = deadlines
    self.runner = runner
  }

  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    let run = ExecRun(self, loop: loop, timeout: timeout, done: done)
    run.start()
    return run
  }

  /// Starts the command, unless an earlier one is still there: a process that even SIGKILL does not
  /// end at once (it waits for a disk or a network file system) must not be joined by more of them.
  fileprivate func startCommand(
    _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure> {
    if isUnreaped {
      return .failure(.ownTrouble("the command of an earlier probe was killed but has not ended"))
    }
    isUnreaped = true
    let result = runner.run(command, variables: variables()) { end in
      self.isUnreaped = false
      ended(end)
    }
    if case .failure = result { isUnreaped = false }
    return result
  }
}

private final class ExecRun: RunningProbe, Deadlines.Handler, @unchecked Sendable {
  private enum State {
    case running
    /// The time is up and the group was killed; the end of the process is awaited.
    case killed
    case over
  }

  /// How long to wait for a process that was killed, before the probe ends without it.
  private static let reapTime = TimeAmount.seconds(1)

  private let probe: ExecProbe
  private let loop: any EventLoop
  private let limit: TimeAmount
  private let completion: Completion
  private var state = State.running
  private var watch: Deadlines.Watch? = nil
  private var deadline = NIODeadline.distantFuture
  /// What was lost of its time, as far as it was told.
  private var lost = TimeAmount.zero
  var delayed: ((TimeAmount) -> Void)? = nil
  private var handle: (any CommandHandle)? = nil

  init(
    _ probe: ExecProbe, loop: any EventLoop, timeout: TimeAmount,
    done: @escaping (ProbeResult) -> Void
  ) {
    self.probe = probe
    self.loop = loop
    limit = timeout
    completion = Completion(loop, done)
  }

  func start() {
    loop.preconditionInEventLoop()
    switch probe.startCommand(ended) {
    case .success(let handle):
      self.handle = handle
      watch = probe.deadlines.beginWatch(limit: limit)
      deadline = .now() + limit
      probe.deadlines.arm(self, at: deadline, on: loop)
    case .failure(.cannotRun(let reason)): finish(.failed(reason))
    case .failure(.ownTrouble(let reason)): finish(.inconclusive(reason))
    }
    completion.started()
  }

  func cancel() {
    if state == .running { handle?.kill() }
    state = .over
    release()
    completion.cancel()
  }

  func deadlineCame() {
    switch state {
    case .running:
      if goesOn() { return }
      state = .killed
      handle?.kill()
      probe.deadlines.arm(self, at: .now() + Self.reapTime, on: loop)
    case .killed:
      finish(timedOut)
    case .over: break
    }
  }

  /// Whether some of the time was lost, so that the command may go on for as long.
  private func goesOn() -> Bool {
    guard let watch else { return false }
    let more = probe.deadlines.lost(of: watch) - lost
    guard more > Deadlines.latenessAllowed else { return false }
    lost = lost + more
    deadline = deadline + more
    probe.deadlines.arm(self, at: deadline, on: loop)
    delayed?(more)
    return true
  }

  private func ended(_ end: CommandEnd) {
    switch (state, end) {
    case (.over, _): break
    case (.killed, _): finish(timedOut)
    case (.running, .exited(0)): finish(.passed("exit 0"))
    case (.running, .exited(let status)): finish(.failed("exit \(status)"))
    case (.running, .signaled(let signal)): finish(.failed("killed by \(signal)"))
    }
  }

  private var timedOut: ProbeResult {
    .timedOut("not ended within \(DurationText.format(.nanoseconds(limit.nanoseconds)))")
  }

  private func finish(_ result: ProbeResult) {
    state = .over
    release()
    completion.call(result)
  }

  private func release() {
    if let watch { probe.deadlines.endWatch(watch) }
    watch = nil
    probe.deadlines.disarm(self)
    handle = nil
  }
}
