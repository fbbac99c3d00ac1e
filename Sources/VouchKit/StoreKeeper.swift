import Glibc
import Logging
import NIOCore
import Sockets
import Systemd

/// Deals with systemd's answer to how many descriptors it keeps for this service: stores the sockets of
/// `--listen` where that was not known before the child was started, and says how the store is had, or
/// had larger.
final class StoreKeeper {
  private let count: Int
  private var missing: [Listening.Own]
  private let store: DescriptorStore?
  private let log: Logger
  private let loop: any EventLoop

  /// Nil where `--listen` opened nothing, or systemd is not there to keep it.
  init?(_ listening: Listening, _ notifier: Notifier?, log: Logger, on loop: any EventLoop) {
    guard !listening.own.isEmpty, let notifier, OwnUnit.isService else { return nil }
    count = listening.own.count
    missing = listening.own.filter { !$0.isStored }
    store = DescriptorStore(notifier)
    self.log = log
    self.loop = loop
  }

  /// - Parameter room: FileDescriptorStoreMax=; nil where systemd did not tell.
  func answered(_ room: Int?) {
    guard let room else { return log.debug("FileDescriptorStoreMax= is not known") }
    if room < count {
      let sockets = count == 1 ? "socket" : "sockets"
      let now = room == 0 ? "" : "; it has room for \(room) of \(count)"
      log.info(
        "with FileDescriptorStoreMax=\(count) systemd keeps the \(sockets) of --listen over a restart\(now)"
      )
    }
    if room > 0 { offer() }
  }

  private func offer() {
    while let own = missing.first {
      let error = store?.keep(own.descriptor, as: own.mark)
      if error == EAGAIN || error == ENOBUFS {
        loop.assumeIsolated().scheduleTask(in: .milliseconds(100)) { [self] in offer() }
        return
      }
      if let error {
        log.warning(
          "systemd cannot be given the socket of --listen to keep: \(String(cString: strerror(error)))"
        )
      }
      missing.removeFirst()
    }
  }
}
