import CAdopt
import Glibc
import SocketNames

extension Supervisor {
  /// shutdown(2) of the receiving side, which ends a listening socket for everybody, and with it the
  /// connections that wait in its queue.
  ///
  /// Programs do that when they end, and the socket is to outlive them. One that does not wait in
  /// accept(2), as the socket's O_NONBLOCK says, is told that it is done, and nothing is: it closes the
  /// socket next, and goes. One that does wait has to see accept(2) fail, or it may wait for ever, so it
  /// gets a socket that is as good as shut down in place of the passed one, and whoever waits already is
  /// woken.
  func shutdown(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let descriptor = CInt(truncatingIfNeeded: call.arguments.0)
    let inode = asker.socketInode(descriptor)
    guard isWaiting(call) else { return .gone }
    guard let index = sockets.firstIndex(where: { $0.inode == inode }), sockets[index].listens
    else {
      return .goOn
    }
    if told.isNew(shut: index) { news = .kept(index, .listening, asker.described) }
    let socket = sockets[index]
    if fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK == 0 {
      putDeadSocket(in: socket, descriptor, asker, call)
      if let process = asker.process { wakeAcceptors(process, descriptor, socket) }
    }
    return .result(error: 0)
  }

  /// A fresh socket behaves like a listening one that was shut down: accept(2) fails with EINVAL, and
  /// poll(2) says POLLHUP.
  private func putDeadSocket(
    in place: AdoptedSocket, _ descriptor: CInt, _ asker: Asker, _ call: cadopt_call
  ) {
    guard let domain = socketOption(place.descriptor, SOL_SOCKET, SO_DOMAIN),
      case .success(let flags) = asker.flags(descriptor)
    else { return }
    let dead = socket(domain, place.wish.type | CInt(SOCK_CLOEXEC.rawValue), place.wish.proto)
    guard dead >= 0 else { return }
    defer { close(dead) }
    _ = cadopt_place(listener, call.id, dead, descriptor, flags & O_CLOEXEC != 0)
  }

  private func wakeAcceptors(_ process: pid_t, _ descriptor: CInt, _ socket: AdoptedSocket) {
    let waiting = acceptors(process, descriptor)
    if waiting.isEmpty { return }
    if socket.wish.address.port != nil {
      // The real thing, undone as soon as it has served: connections are refused for a millisecond.
      guard let address = socket.address,
        Glibc.shutdown(socket.descriptor, CInt(SHUT_RD)) == 0
      else { return }
      awaitNotice(of: waiting, process, descriptor)
      // EINVAL: it still is. A port that the kernel has chosen is not.
      _ = address.with { bind(socket.descriptor, $0, $1) }
      _ = socket.listen(theirs: 0)
    } else {
      // A Unix socket would never listen again (unix_shutdown of net/unix/af_unix.c leaves a mark). A
      // connection that ends at once wakes one that waits, and sends it to accept(2) again, which fails.
      for _ in waiting where socket.connectOnce() {}
    }
  }

  private func acceptors(_ process: pid_t, _ descriptor: CInt) -> [cadopt_acceptor] {
    [cadopt_acceptor](unsafeUninitializedCapacity: 64) { buffer, count in
      count = cadopt_acceptors(process, descriptor, buffer.baseAddress, buffer.count)
    }
  }

  /// Listening again too early would put them back to sleep before they have seen anything. Later than
  /// 20 ms they may have a machine that is badly loaded to thank, and clients come first.
  private func awaitNotice(of waiting: [cadopt_acceptor], _ process: pid_t, _ descriptor: CInt) {
    var left = waiting
    for _ in 1...100 {
      left.removeAll { acceptor in
        withUnsafePointer(to: acceptor) { cadopt_has_left(process, descriptor, $0) }
      }
      if left.isEmpty { return }
      usleep(200)
    }
  }
}

extension AdoptedSocket {
  fileprivate var address: SocketName? { SocketName(of: descriptor) }

  /// Connects to a Unix socket and closes the connection. Never waits.
  ///
  /// - Returns: whether somebody will accept it.
  fileprivate func connectOnce() -> Bool {
    let kind = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let client = Glibc.socket(AF_UNIX, wish.type | kind, 0)
    guard client >= 0 else { return false }
    defer { close(client) }
    return address?.with { connect(client, $0, $1) } == 0
  }
}
