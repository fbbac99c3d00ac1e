import Checks
import Glibc
import Launch
import Logging
import NIOCore
import Sockets
import Supervision
import SystemPackage
import Systemd

/// The child's notify socket at work: what comes in is believed or not, handed to Supervision, answered,
/// and passed on to systemd where it is not Supervision's to decide (FDSTORE with its descriptors).
final class ReportDesk {
  private let inbox: NotifyInbox
  private let components: [String]
  private let isService: Bool
  private let log: Logger
  private let notifier: Notifier?
  private let loop: any EventLoop
  /// The processes that vouch runs beside the child, whose word is not the child's.
  private let others: () -> Set<ProcessID>
  /// With the child of ours whose family the sender belongs to; nil where it has ended.
  private let reported: (NotifyMessage, ProcessID?) -> Void
  /// What was complained of already.
  private var complaints: Set<String> = []
  private var isPausing = false
  /// What systemd has no room for yet, in its order, and how many barriers wait behind it.
  private var outbox: [(lines: String, letter: NotifyInbox.Letter)] = []
  private var isOffering = false
  /// How many threads close what strangers sent.
  private var dropping = 0

  /// A child that floods the socket is read this often and so much at a time: enough for hundreds of
  /// components, and a few per cent of a CPU. Its senders wait.
  private static let batch = 32
  private static let pause = TimeAmount.milliseconds(5)
  /// More than the kernel queues (net.unix.max_dgram_qlen is 512 at most where systemd runs).
  private static let wholeQueue = 1024
  /// The most datagrams with descriptors that wait for systemd; what comes after is dropped.
  private static let outboxLimit = 16
  private static let droppingLimit = 8

  init(
    _ inbox: NotifyInbox, policy: Policy, isService: Bool, notifier: Notifier?, log: Logger,
    on loop: any EventLoop, others: @escaping () -> Set<ProcessID>,
    _ reported: @escaping (NotifyMessage, ProcessID?) -> Void
  ) {
    self.inbox = inbox
    components = policy.components
    self.isService = isService
    self.notifier = notifier
    self.log = log
    self.loop = loop
    self.others = others
    self.reported = reported
  }

  /// Reads what has come, a batch at most; the rest after a pause.
  func read() {
    if isPausing { return }
    guard read(Self.batch) else { return }
    isPausing = true
    loop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
      isPausing = false
      read()
    }
  }

  /// Reads all that has come: before somebody is found to be late.
  func readAll() { _ = read(Self.wholeQueue) }

  /// Throws away what a child that is gone has left.
  func discard() {
    for _ in 0..<Self.wholeQueue {
      guard let letter = inbox.next() else { break }
      drop(letter)
    }
    complaints = []
  }

  /// - Returns: whether there may be more.
  private func read(_ limit: Int) -> Bool {
    for _ in 0..<limit {
      guard let letter = inbox.next() else { return false }
      take(letter)
    }
    return true
  }

  private func take(_ letter: NotifyInbox.Letter) {
    let message: NotifyMessage
    do {
      if letter.isTruncated { throw NotifyMessage.Malformed.tooLong }
      message = try NotifyMessage(parsing: letter.bytes)
    } catch {
      drop(letter)
      return complain("malformed", "a datagram of the child's is not read: \(error)")
    }
    let kinship = Kinship.of(letter, isService: isService)
    if let distrust = distrust(letter, kinship) {
      complain("stranger", "a datagram is not believed: \(distrust)")
      if message.wantsReply { letter.answer(BeatReply.failure(distrust).line) }
      return drop(letter)
    }
    for text in message.ignored { log.debug("the child's \(text) is ignored") }
    if case .family(let head) = kinship { reported(message, head) } else { reported(message, nil) }
    if message.wantsReply { return letter.answer(reply(to: message).line) }
    if let name = message.component, !components.contains(name) {
      complain("component \(name)", "no check hears the component \"\(name)\": \(known)")
    }
    if message.barrier {
      // It is told when what was sent before has gone on.
      return outbox.isEmpty ? letter.close() : post("", letter)
    }
    if message.passedOn.isEmpty { return }
    if message.passedOn.contains(where: { $0.hasPrefix("FDNAME=\(StoreMark.prefix)") }) {
      drop(letter)
      return complain(
        "mark",
        "what is named \(StoreMark.prefix)… in systemd's store is of --listen, not the child's")
    }
    if message.storesDescriptors, letter.descriptors.isEmpty {
      return complain(
        "descriptors",
        letter.lostDescriptors
          ? "no descriptor is left to take what the child stores at systemd"
          : "the child's FDSTORE=1 came without a descriptor")
    }
    post(message.passedOn.joined(separator: "\n"), letter)
  }

  /// Why a sender is not believed; nil where it is.
  private func distrust(_ letter: NotifyInbox.Letter, _ kinship: Kinship) -> String? {
    let name = letter.sender.map { "process \($0)" } ?? "a process of another pid namespace"
    switch kinship {
    case .family(let head) where others().contains(head):
      return "\(name) belongs to a command that vouch runs, not to the child"
    case .family, .ended: return nil
    case .stranger: return "\(name) is none of the child's"
    case .gone:
      return "\(name) had ended before it could be recognised: let it wait, as vouch beat and "
        + "systemd-notify do"
    }
  }

  /// Closes what came along with a datagram that is of no use. Anybody may have sent it, and close(2)
  /// may take as long as they please (SO_LINGER of socket(7), a file system of their own): not on the
  /// loop, as far as there are threads for it.
  private func drop(_ letter: NotifyInbox.Letter) {
    guard !letter.descriptors.isEmpty, dropping < Self.droppingLimit else { return }
    let descriptors = letter.takeDescriptors()
    dropping += 1
    let desk = NIOLoopBound(self, eventLoop: loop)
    let status = DetachedThread.run { [loop] in
      for descriptor in descriptors { try? descriptor.close() }
      loop.execute { desk.value.dropping -= 1 }
    }
    if status == 0 { return }
    dropping -= 1
    for descriptor in descriptors { try? descriptor.close() }
  }

  private func reply(to message: NotifyMessage) -> BeatReply {
    guard let name = message.component else { return .taken }
    return components.contains(name)
      ? .taken : .usage("no check hears the component \"\(name)\": \(known)")
  }

  private var known: String {
    components.isEmpty
      ? "vouch was given no --heartbeat NAME"
      : "those of --heartbeat are " + components.sorted().joined(separator: ", ")
  }

  /// Once for each kind until the child is started anew: a child that goes on is not to fill the journal.
  private func complain(_ kind: String, _ text: String) {
    guard complaints.count < 32, complaints.insert(kind).inserted else { return }
    log.notice("\(text)")
  }

  // MARK: - On to systemd

  private func post(_ lines: String, _ letter: NotifyInbox.Letter) {
    // Nobody is there to keep them.
    guard notifier != nil else { return }
    guard outbox.count < Self.outboxLimit else {
      return complain("outbox", "systemd takes nothing: what the child stores there is lost")
    }
    outbox.append((lines, letter))
    if !isOffering { offer() }
  }

  private func offer() {
    while let (lines, letter) = outbox.first {
      if !lines.isEmpty, let error = pass(lines, letter) {
        if error == EAGAIN || error == ENOBUFS {
          isOffering = true
          loop.assumeIsolated().scheduleTask(in: .milliseconds(100)) { [self] in
            isOffering = false
            offer()
          }
          return
        }
        complain(
          "relay", "systemd cannot be given what the child stores: \(Errno(rawValue: error))")
      }
      outbox.removeFirst()
    }
  }

  private func pass(_ lines: String, _ letter: NotifyInbox.Letter) -> Int32? {
    log.debug("to systemd: \(lines), with \(letter.descriptors.count) descriptors")
    return notifier?.send(lines, descriptors: letter.descriptors.map(\.rawValue))
  }
}
