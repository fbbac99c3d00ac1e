/// A signal, by number and by the name to show.
public struct NamedSignal: Hashable, Sendable, CustomStringConvertible {
  public var number: Int32
  public var name: String
  public init(number: Int32, name: String) {
    self.number = number
    self.name = name
  }
  public var description: String { name }

  public static let terminate = NamedSignal(number: 15, name: "SIGTERM")
  /// The watchdog's, which asks for a dump: no --stop-signal stands in for it.
  public static let abort = NamedSignal(number: 6, name: "SIGABRT")
}

/// How a child ended.
public enum ChildEnd: Hashable, Sendable, CustomStringConvertible {
  case exited(Int32)
  case signaled(NamedSignal)

  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(let signal): "was killed by \(signal)"
    }
  }
}

/// What one probe found.
public enum ProbeVerdict: Hashable, Sendable {
  /// With what to show for it, without the time: "200", "connected".
  case passed(String)
  /// With the reason, without any of the answer's body.
  case failed(String)
  /// Nothing came within the check's timeout, the time that was lost left out; with the reason.
  case timedOut(String)
  /// An answer that may have waited unread for this long, because vouch was kept from running; with
  /// what a pass would show.
  case stale(String, late: Duration)
  /// The prober's own trouble, which says nothing of the child (rule 7).
  case inconclusive(String)
}

/// What a look at the passed sockets found.
public enum Use: Hashable, Sendable {
  /// No connection is open or waits, vouch's own left out.
  case quiet
  /// One is, or came a moment ago.
  case busy
  /// It cannot be told, and why (rule 7).
  case unknown(String)
}

/// Everything that can happen to vouch.
public enum Event: Hashable, Sendable {
  /// The child runs: its exec succeeded.
  case childStarted
  /// It could not be started again: why, and the exit status for that.
  case childNotStarted(String, exitCode: Int32)
  /// A probe that `Effect.probe` asked for has ended.
  case probeEnded(CheckID, ProbeVerdict)
  /// A probe's time was up, but for this much of it (beyond what was told before) vouch or the child
  /// was kept from running, by a busy machine, a freezer or a stop signal: it goes on for as long.
  case probeDelayed(CheckID, lost: Duration)
  /// A process of the child's has begun to listen: what waits for its start may pass now.
  case listening
  /// The child, or a process of its family, has sent a datagram to vouch's own notify socket.
  case reported(NotifyMessage)
  /// A connection has come to a passed socket. Connections that follow it soon need not be told.
  case arrived
  /// What `Effect.seeUse` asked for.
  case useSeen(Use)
  /// How long vouch is to stay up at least before it ends for being idle: what the manager's limit of
  /// starts asks for.
  case leastLife(Duration)
  /// The moment that `Supervision.wakeAt` named has come.
  case clock
  /// A signal that ends the service.
  case stop(NamedSignal, Reach)
  /// The answer to `Effect.askReach`.
  case reachKnown(Reach)
  /// A signal that asks for a reload.
  case reload(NamedSignal, Reach)
  /// Any other signal, meant for the child.
  case signal(NamedSignal, Reach)
  /// A datagram could not be handed to systemd now (its queue is full, the socket is gone).
  case undelivered(Notification, reason: String)
  case childEnded(ChildEnd)
  /// The answer to `Effect.look`, or what is to be told of a child that is about to be found ended: why it
  /// does not serve on the passed sockets; nil where nothing is amiss.
  case looked(Finding?)
  /// Something of the generation beside the one that serves (`--on-reload replace`).
  case other(OtherEvent)
  /// Somebody asks for a reload, and waits for what comes of it.
  case reloadAsked(ReloadTicket)
}
