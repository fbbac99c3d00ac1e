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

  /// Removes what is stored under a name. Waits for room in systemd's queue, for seconds at most.
  func remove(_ name: String) {
    _ = notifier.send(
      "FDSTOREREMOVE=1\nFDNAME=\(name)", descriptors: [], patience: Self.patience)
  }

  /// Waits until systemd has done what it was told (BARRIER=1 of sd_notify(3)), for seconds at most: a
  /// socket that it still holds keeps its address.
  func settle() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let failed = notifier.send("BARRIER=1", descriptors: [ends[1]], patience: Self.patience)
    close(ends[1])
    defer { close(ends[0]) }
    if failed != nil { return }
    var entry = pollfd(fd: ends[0], events: 0, revents: 0)
    while poll(&entry, 1, Int32(Self.patience) * 1000) < 0, errno == EINTR {}
  }

  /// Seconds. A manager that takes longer is in trouble itself.
  static let patience = 5
}
