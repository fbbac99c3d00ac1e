import CAdopt
import Glibc

/// Registrations with epoll: they belong to the open file description (epoll(7)), which is another one
/// after a socket was adopted, and which outlives the program's close(2) of it.
enum EpollWatch {
  /// Where the epoll instances of a process watch a socket, or another as well: one walk through its
  /// descriptors, of which there may be many.
  static func all(
    of process: pid_t, _ inode: UInt64, and other: UInt64? = nil
  ) -> Result<[cadopt_watch], Asker.Failure> {
    var error: CInt = 0
    let watches = [cadopt_watch](unsafeUninitializedCapacity: room) { buffer, count in
      let found = cadopt_watches(
        process, [inode, other ?? inode], buffer.baseAddress, buffer.count)
      if found < 0 { error = CInt(-found) }
      count = max(found, 0)
    }
    return error == 0 ? .success(watches) : .failure(Asker.Failure(error))
  }

  /// Servers have an instance for each thread.
  private static let room = 256
}

extension Supervisor {
  /// A program that has registered its socket before bind(2), as netty's native transport does, would
  /// never hear of a connection to the passed one: registers that in its place.
  ///
  /// - Parameter watches: those of the program's own socket, before it went.
  func watchAgain(
    _ watches: [cadopt_watch], _ index: Int, _ asker: Asker, _ call: cadopt_call
  ) {
    for watch in watches {
      let error: CInt
      let copied = patiently(call) { asker.copy(watch.epoll) }
      switch copied {
      case .success(let epoll):
        defer { close(epoll) }
        // Its number may be another's by now.
        guard isWaiting(call) else { return }
        error = withUnsafePointer(to: watch) {
          cadopt_watch_again(epoll, sockets[index].descriptor, $0)
        }
      case .failure(let failure): error = failure.error
      }
      if error == 0 || error == EEXIST { continue }
      if told.isNew(unwatched: index) {
        report(.unwatched(index, reason: errnoText(error), asker.described))
      }
    }
  }

  /// A program that had the passed socket at this number, closed it and is about to have it there again
  /// is still registered: close(2) of a socket that others have open does not undo that, and a second
  /// registration would fail with EEXIST.
  ///
  /// - Parameter watches: those of the passed socket under that number.
  func unwatchFormer(
    _ watches: [cadopt_watch], _ socket: AdoptedSocket, _ asker: Asker, _ call: cadopt_call
  ) {
    for watch in watches
    where !Adoption.isUsed(watch, socket, besides: asker.process ?? asker.thread) {
      let copied = patiently(call) { asker.copy(watch.epoll) }
      guard case .success(let epoll) = copied else { continue }
      defer { close(epoll) }
      guard isWaiting(call) else { return }
      _ = withUnsafePointer(to: watch) { cadopt_unwatch(epoll, socket.descriptor, $0) }
    }
  }
}
