import Glibc
import Launch
import SystemPackage

/// `notices`: has datagrams sent to a notify socket of its own, and tells what arrives.
func receiveNotices() {
  var inboxName = ""
  do {
    let signals = try SignalInbox(signals: SignalState.block())
    let inbox = try NotifyInbox(size: 64)
    let other = try NotifyInbox(size: 64)
    say("named \(inbox.name.hasPrefix(NotifyInbox.prefix)), apart \(inbox.name != other.name)")
    say("empty \(inbox.next() == nil)")

    inboxName = inbox.name
    try send("READY=1")
    say(
      "signals \(signals.drain().map { "\($0.signal) \($0.origin)" }.filter { $0.contains("IO") })")
    tell(inbox.next())
    say("empty \(inbox.next() == nil)")

    try send(String(repeating: "x", count: 64))
    try send(String(repeating: "x", count: 65))
    tell(inbox.next())
    tell(inbox.next())

    // Twice, so that a descriptor that is left open would show.
    for _ in 0..<2 {
      let before = openDescriptors()
      try send("FDSTORE=1", descriptors: 3)
      let letter = inbox.next()
      let flags = letter?.descriptors.map { fcntl($0.rawValue, F_GETFD) == FD_CLOEXEC } ?? []
      say("descriptors \(flags)")
      letter?.close()
      try send("FDSTORE=1", descriptors: 253)
      inbox.discard()
      withExtendedLifetime(letter) {}
      say("closed \(openDescriptors() - before <= 1)")
    }

    // A process that is gone, and one that is not ours at all.
    try send("WATCHDOG=1")
    if let letter = inbox.next() {
      say("reaped \(Kinship.of(letter, isService: false) == .gone)")
    }

    // Without a descriptor left: what is lost is told, the text is there, and a child is still known.
    var request = LaunchRequest(
      paths: [Array("/bin/sh".utf8)],
      arguments: ["sh", "-c", "sleep 60 & wait"].map { Array($0.utf8) },
      environment: .current, signals: SignalState())
    request.session = .newSession
    let child = try launch(request)
    try send("FDSTORE=1", descriptors: 2)
    var limit = rlimit(rlim_cur: 3, rlim_max: 0)
    var before = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
    limit.rlim_max = before.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let letter = inbox.next()
    say("lost \(letter?.lostDescriptors == true), whole \(letter?.isTruncated == false)")
    say("known \(Kinship.line(of: child.rawValue) == .family(of: child))")
    say("unknown \(Kinship.line(of: getppid()) == .gone)")
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
    try child.sendToGroup(.kill)
  } catch {
    fail("\(error)", code: 70)
  }

  /// Runs a program that sends a datagram to the inbox, to its end.
  func send(_ text: String, descriptors: Int = 0) throws {
    let code = """
      import array, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      n = int(sys.argv[3])
      rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * n))] if n else []
      s.sendmsg([sys.argv[2].encode()], rights, 0, "\\0" + sys.argv[1][1:])
      """
    let words = ["python3", "-c", code, inboxName, text, String(descriptors)]
    var request = LaunchRequest(
      paths: [Array("/usr/bin/python3".utf8)], arguments: words.map { Array($0.utf8) },
      environment: .current, signals: SignalState())
    request.standardInput = .null
    let child = try launch(request)
    var status: Int32 = 0
    guard waitpid(child.rawValue, &status, 0) == child.rawValue, status == 0 else {
      fail("the sender ended with \(status)", code: 70)
    }
  }

  func tell(_ letter: NotifyInbox.Letter?) {
    guard let letter else { return say("nothing") }
    let isOther = letter.sender.map { $0.rawValue != getpid() } ?? false
    say("\(letter.bytes.count) bytes, cut \(letter.isTruncated), from another \(isOther)")
  }
}

private func openDescriptors() -> Int {
  (0..<1024).count { fcntl($0, F_GETFD) >= 0 }
}
