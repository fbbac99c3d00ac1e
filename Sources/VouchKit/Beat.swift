import Checks
import Glibc
import Launch
import Logging
import Systemd

/// `vouch beat`: tells the vouch above that a component is alive, or that it failed.
public struct Beat: Sendable {
  public var component: String
  public var failed: String?
  public var status: String?

  public init(component: String, failed: String? = nil, status: String? = nil) {
    self.component = component
    self.failed = failed
    self.status = status
  }

  /// How many seconds vouch has to take it and answer.
  private static let patience = 5

  /// Sends it, waits for the answer, and exits: 0 when vouch has taken it, 64 where it could not be
  /// meant for it, 70 where it did not arrive.
  public func run() -> Never {
    // A shell that waits for it is to be able to end it.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    do throws(Refusal) {
      try deliver(to: getenv("NOTIFY_SOCKET").map { String(cString: $0) })
      exit(0)
    } catch {
      let output = LogOutput()
      output.write(LogFormat.auto.isPrefixed() ? "<3>\(error)" : "vouch: \(error)")
      exit(error.exitCode)
    }
  }

  /// - Throws: what is wrong, with its exit status.
  func deliver(to socket: String?) throws(Refusal) {
    guard HeartbeatTarget.isComponent(component) else {
      throw .usage("beat: \"\(component)\" is not a component's name: \(HeartbeatTarget.nameRule)")
    }
    if failed != nil, status != nil {
      throw .usage("beat: --failed and --status contradict each other: leave one of them out")
    }
    guard let socket, !socket.isEmpty else {
      throw .usage(
        "beat: NOTIFY_SOCKET is not set: run it in a program that vouch runs with --heartbeat "
          + component)
    }
    guard socket.hasPrefix(NotifyInbox.prefix) else {
      throw .usage(
        "beat: NOTIFY_SOCKET=\(socket) is not vouch's: run it in a program that vouch runs with "
          + "--heartbeat \(component)")
    }
    let notifier: Notifier
    do {
      notifier = try Notifier(socket: socket)
    } catch {
      throw .failure("beat: \(error)")
    }
    switch try ask(notifier) {
    case .taken: return
    case .usage(let text): throw .usage("beat: \(text)")
    case .failure(let text): throw .failure("beat: \(text)")
    }
  }

  /// The datagram: one assignment a line.
  var datagram: String {
    var lines = ["VOUCH_COMPONENT=\(component)"]
    if let failed { lines.append("VOUCH_FAILED=\(Self.line(failed))") }
    if failed == nil { lines.append("WATCHDOG=1") }
    if let status { lines.append("STATUS=\(Self.line(status))") }
    lines.append("VOUCH_REPLY=1")
    return lines.joined(separator: "\n")
  }

  /// A line break would begin another assignment, and the whole must fit a datagram; vouch cuts further.
  private static func line(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(512).map { $0.value < 0x20 ? " " : $0 }))
  }

  private func ask(_ notifier: Notifier) throws(Refusal) -> BeatReply {
    var ends: [Int32] = [-1, -1]
    guard
      socketpair(
        AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw .failure("beat: no socket for the answer: \(String(cString: strerror(errno)))") }
    defer { close(ends[0]) }
    let error = notifier.send(datagram, descriptors: [ends[1]], patience: Self.patience)
    close(ends[1])
    if let error {
      let reason =
        error == EAGAIN ? "its queue is full" : String(cString: strerror(error))
      throw .failure("beat: vouch cannot be told: \(reason)")
    }
    var time = timeval(tv_sec: Self.patience, tv_usec: 0)
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = recv(ends[0], &buffer, buffer.count, 0)
    guard count >= 0 else {
      throw .failure("beat: vouch did not answer within \(Self.patience) s")
    }
    guard let reply = BeatReply(line: String(decoding: buffer[..<count], as: UTF8.self)) else {
      throw .failure("beat: vouch ended, or did not take it")
    }
    return reply
  }
}
