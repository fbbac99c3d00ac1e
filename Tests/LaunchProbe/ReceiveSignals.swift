import Glibc
import Launch
import SystemPackage

/// `block`: tells which signals are blocked, and whether the kernel says so too.
func blockSignals() {
  let blocked = SignalState.block()
  say("\(blocked) \(SignalState.capture().blocked == blocked)")
}

/// `signals`: gets signals of each origin and tells what its inbox says of them.
func receiveSignals() {
  do {
    let inbox = try SignalInbox(signals: SignalState.block())
    let own = ProcessID(rawValue: getpid())

    try own.send(.user1)
    try own.send(.terminate)
    raise(SIGHUP)
    tell(inbox.drain())

    // A real-time signal is queued as often as it is sent.
    for _ in 0..<20 { try own.send(Signal("RTMIN+1")!) }
    say("queued \(inbox.drain().count)")

    var soon = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: 0, tv_usec: 1000))
    setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &soon, nil)
    tell(inbox.wait())

    let pipe = try FileDescriptor.pipe()
    try pipe.readEnd.close()
    do { try pipe.writeEnd.writeAll([1]) } catch Errno.brokenPipe { say("broken pipe") }
    tell(inbox.drain())

    let child = try launch(shell("kill -PIPE \(own)"))
    var received: [ReceivedSignal] = []
    while !received.contains(where: { $0.signal == .child }) { received += inbox.wait() }
    let byChild = received.first { $0.signal == .brokenPipe }
    say("\(byChild.map { "\($0.signal) from child \($0.sender == child)" } ?? "lost")")
    say("nothing left \(inbox.drain().isEmpty)")
  } catch {
    fail("\(error)", code: 70)
  }

  func tell(_ received: [ReceivedSignal]) {
    for one in received.sorted(by: { $0.signal.rawValue < $1.signal.rawValue }) {
      let sender = one.sender.map { $0.rawValue == getpid() ? "self" : "another" } ?? "nobody"
      say("\(one.signal) \(one.origin) \(sender) \(one.uid == getuid())")
    }
  }
}
