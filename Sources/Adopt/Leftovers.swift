import CAdopt
import CSocketDiag
import Glibc

extension Adoption {
  /// Takes the passed sockets out of the epoll instances of processes that have closed them and go on.
  ///
  /// close(2) does that by itself only for a socket that nobody else has open. A program that stops to
  /// accept and then finishes what it has in hand, as haproxy in its soft stop, would be told of each
  /// new connection over and over, which are no longer its business, and use up a CPU.
  ///
  /// - Parameter root: looks at its descendants.
  /// - Returns: how many registrations there were.
  public func dropLeftovers(below root: Int32) -> Int {
    var leftovers: [Watched: [pid_t]] = [:]
    var users: [Watched: [pid_t]] = [:]
    for process in Self.descendants(of: root) {
      for (index, socket) in sockets.enumerated() {
        let watches = Self.watches(of: process, socket)
        if watches.isEmpty { continue }
        let isHeld = Self.holds(process, socket.inode)
        for watch in watches {
          let watched = Watched(index: index, watch)
          if isHeld {
            users[watched, default: []].append(process)
          } else {
            leftovers[watched, default: []].append(process)
          }
        }
      }
    }
    var dropped = 0
    for (watched, processes) in leftovers {
      for process in processes where change(watched, of: process, cadopt_unwatch) {
        dropped += 1
        // Processes that came of a fork may share an epoll instance, and one of them may still accept.
        for user in users[watched, default: []] where !isThere(watched, in: user) {
          dropped -= 1
          _ = change(watched, of: user, cadopt_watch_again)
        }
      }
    }
    return dropped
  }

  private static func watches(of process: pid_t, _ socket: AdoptedSocket) -> [cadopt_watch] {
    (try? EpollWatch.all(of: process, socket.inode).get()) ?? []
  }

  /// Whether another process may still hear of a socket by a registration, as one with which it shares
  /// the epoll instance after a fork.
  static func isUsed(_ watch: cadopt_watch, _ socket: AdoptedSocket, besides process: pid_t) -> Bool
  {
    descendants(of: getpid()).contains { other in
      other != process && holds(other, socket.inode)
        && watches(of: other, socket).contains {
          ($0.number, $0.events, $0.data) == (watch.number, watch.events, watch.data)
        }
    }
  }

  /// Whether a process has a socket open, under whatever number: it may have registered it under another
  /// one. Where that cannot be seen, it has.
  private static func holds(_ process: pid_t, _ inode: UInt64) -> Bool {
    var descriptor: CInt = -1
    var inode = UInt32(truncatingIfNeeded: inode)
    return csocketdiag_find(process, &inode, &descriptor, 1) != 0 || descriptor >= 0
  }

  private struct Watched: Hashable {
    let index: Int
    let epoll: CInt
    let number: CInt
    let events: UInt32
    let data: UInt64

    init(index: Int, _ watch: cadopt_watch) {
      self.index = index
      (epoll, number) = (watch.epoll, watch.number)
      (events, data) = (watch.events, watch.data)
    }
  }

  private func isThere(_ watched: Watched, in process: pid_t) -> Bool {
    Self.watches(of: process, sockets[watched.index]).contains {
      Watched(index: watched.index, $0) == watched
    }
  }

  private func change(
    _ watched: Watched, of process: pid_t,
    _ operation: (CInt, CInt, UnsafePointer<cadopt_watch>) -> CInt
  ) -> Bool {
    guard case .success(let epoll) = Asker(thread: process).copy(watched.epoll) else {
      return false
    }
    defer { close(epoll) }
    let watch = cadopt_watch(
      epoll: watched.epoll, number: watched.number, inode: sockets[watched.index].inode,
      events: watched.events, data: watched.data)
    return withUnsafePointer(to: watch) {
      operation(epoll, sockets[watched.index].descriptor, $0)
    } == 0
  }

  private static func descendants(of root: pid_t) -> [pid_t] {
    var found: [pid_t] = []
    var open = [root]
    while let process = open.popLast() {
      let children = Self.children(of: process)
      found += children
      open += children
    }
    return found
  }

  /// From /proc/PID/task/TID/children (proc(5)).
  private static func children(of process: pid_t) -> [pid_t] {
    guard let tasks = opendir("/proc/\(process)/task") else { return [] }
    defer { closedir(tasks) }
    var found: [pid_t] = []
    while let entry = readdir(tasks) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.first != ".", let file = fopen("/proc/\(process)/task/\(name)/children", "re")
      else {
        continue
      }
      defer { fclose(file) }
      var line: UnsafeMutablePointer<CChar>?
      var room = 0
      defer { free(line) }
      if getline(&line, &room, file) > 0, let line {
        found += String(cString: line).split(whereSeparator: \.isWhitespace).compactMap {
          pid_t($0)
        }
      }
    }
    return found
  }
}
