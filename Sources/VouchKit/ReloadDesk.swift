import Checks
import Glibc
import Launch
import Logging
import NIOCore
import Supervision
import SystemPackage

/// Where `vouch reload` asks: an abstract socket that is named by vouch's own process (`ReloadAddress`).
/// Each request comes with a descriptor on which the verdict is awaited, however long that takes.
final class ReloadDesk {
  /// What is asked for; nothing else is.
  static let request = "VOUCH_RELOAD=1"
  /// More are not let wait at once: each has a descriptor.
  private static let limit = 32
  /// Room for the request, and for one byte too many.
  private static let size = 64

  private let inboxes: [NotifyInbox]
  private let log: Logger
  private let loop: any EventLoop
  private let asked: (ReloadTicket) -> Void
  private var waiting: [ReloadTicket: NotifyInbox.Letter] = [:]
  private var last: ReloadTicket = 0
  private var dropping = 0
  /// The user of vouch; nil where others are shown by that number, as with User=nobody and PrivateUsers=.
  private let trusted: uid_t?

  /// Nil where the address cannot be had: then reloads are asked for by signal alone.
  init?(_ log: Logger, on loop: any EventLoop, _ asked: @escaping (ReloadTicket) -> Void) {
    do {
      var inboxes = [try NotifyInbox(size: Self.size, name: ReloadAddress.own)]
      if let address = ReloadAddress.ofOwnInvocation {
        // A vouch in the same unit may have it: the unit's main process came first.
        if let inbox = try? NotifyInbox(size: Self.size, name: address) { inboxes.append(inbox) }
      }
      self.inboxes = inboxes
    } catch {
      log.notice("vouch reload will not reach this process: no socket for it: \(error)")
      return nil
    }
    self.log = log
    self.loop = loop
    self.asked = asked
    let user = geteuid()
    trusted = user == OverflowUser.number && OverflowUser.isAmbiguous ? nil : user
  }

  /// Reads what has come.
  func read() {
    for _ in 0..<Self.limit {
      guard let letter = next() else { return }
      take(letter)
    }
    // A flood: its senders wait.
    loop.assumeIsolated().scheduleTask(in: .milliseconds(5)) { [self] in read() }
  }

  private func next() -> NotifyInbox.Letter? {
    for inbox in inboxes {
      if let letter = inbox.next() { return letter }
    }
    return nil
  }

  func answer(_ tickets: [ReloadTicket], _ verdict: ReloadVerdict) {
    for ticket in tickets {
      waiting.removeValue(forKey: ticket)?.answer(ReloadReply(verdict).line)
    }
  }

  private func take(_ letter: NotifyInbox.Letter) {
    guard letter.user == 0 || letter.user == trusted else {
      letter.answer(ReloadReply.refused("only root and the user of vouch may ask").line)
      return drop(letter)
    }
    guard letter.bytes == Array(Self.request.utf8), letter.descriptors.count == 1 else {
      return drop(letter)
    }
    guard waiting.count < Self.limit else {
      return letter.answer(ReloadReply.failed("too many wait for a reload").line)
    }
    last += 1
    waiting[last] = letter
    asked(last)
  }

  /// Closes what a stranger sent along: that may take as long as they please, so not on the loop.
  private func drop(_ letter: NotifyInbox.Letter) {
    guard !letter.descriptors.isEmpty, dropping < 4 else { return }
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
}
