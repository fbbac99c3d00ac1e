import CAdopt
import Glibc

/// Registrations with epoll: they belong to the open file description (epoll(7)), which is another one
/// after a socket was adopted, and which outlives the program's close(2) of it.
enum EpollWatch {
  /// Where the epoll instances of a process watch a socket.
  static func all(of process: pid_t, inode: UInt64) -> [cadopt_watch] {
    [cadopt_watch](unsafeUninitializedCapacity: 16) { buffer, count in
      count = cadopt_watches(process, inode, buffer.baseAddress, buffer.count)
    }
  }
}

extension Supervisor {
  /// A program that has registered its socket before bind(2), as netty's native transport does, would
  /// never hear of a connection to the passed one: registers that in its place.
  ///
  /// - Parameter watches: those of the program's own socket, before it went.
  func watchAgain(_ watches: [cadopt_watch], _ index: Int, _ asker: Asker) {
    for watch in watches {
      var error: CInt
      switch asker.copy(watch.epoll) {
      case .success(let epoll):
        defer { close(epoll) }
        error = withUnsafePointer(to: watch) {
          cadopt_watch_again(epoll, sockets[index].descriptor, $0)
        }
      case .failure(let failure): error = failure.error
      }
      if error == 0 || error == EEXIST { continue }
      report(.unwatched(index, reason: errnoText(error), asker.described))
    }
  }
}
