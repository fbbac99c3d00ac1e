import NIOCore

/// Passes when the connection is accepted.
final class TCPProbe: Probe {
  private let peers: Peers
  private let deadlines: Deadlines

  init(peers: Peers, deadlines: Deadlines) {
    self.peers = peers
    self.deadlines = deadlines
  }

  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    let run = TCPRun(peers: peers, deadlines: deadlines, loop: loop, timeout: timeout, done: done)
    run.start()
    return run
  }
}

private final class TCPRun: ConnectionRun, @unchecked Sendable {
  /// Until the child has taken the connection: the pause before the next look, and its end.
  private var pause = TimeAmount.milliseconds(1)
  private var look: Scheduled<Void>? = nil

  override func connected(_ channel: any Channel) {
    // On a socket that vouch handed on, the kernel completes a connection whether anybody serves or
    // not. It counts once the child has accepted it.
    guard let queue = peers.acceptQueue ?? peers.queueBehindAddress,
      !queue.hasLet(through: channel, unixClient: unixClient)
    else {
      return finish(.passed("connected"))
    }
    phase = .accept
    look = loop.assumeIsolated().scheduleTask(in: pause) {
      if !self.isOver { self.connected(channel) }
    }
    pause = min(pause * 2, .milliseconds(50))
  }

  override func close(_ channel: any Channel) {
    look?.cancel()
    super.close(channel)
  }
}
