import Glibc
import Sockets
import Systemd

/// systemd's descriptor store (FileDescriptorStoreMax= of systemd.service(5)), as far as the sockets of
/// `--listen` go: what is stored is passed again at the next start, under the name that it was stored
/// with, and nobody sees the socket closed.
struct DescriptorStore {
  private let notifier: Notifier

  init(_ notifier: Notifier) { self.notifier = notifier }

  /// Stores a socket. Without FDPOLL=0 systemd would drop it as soon as it hangs up, for one after
  /// shutdown(2).
  ///
  /// - Parameter patience: how many seconds to wait for room in systemd's queue; nil for not at all.
  /// - Returns: nil when systemd has got it, else the errno. That it has room there is not said.
  func keep(_ descriptor: Int32, as mark: StoreMark, patience: Int? = nil) -> Int32? {
    notifier.send(
      "FDSTORE=1\nFDPOLL=0\nFDNAME=\(mark)", descriptors: [descriptor], patience: patience)
  }

  /// Removes what is stored under a name. Waits for room in systemd's queue, for seconds at most; not
  /// until it is done, which even a BARRIER=1 would not tell: systemd closes descriptors in a process on
  /// the side (asynchronous_close of its src/shared/async.c).
  func remove(_ name: String) {
    _ = notifier.send(
      "FDSTOREREMOVE=1\nFDNAME=\(name)", descriptors: [], patience: Self.patience)
  }

  /// Seconds. A manager that takes longer is in trouble itself.
  static let patience = 5
}
