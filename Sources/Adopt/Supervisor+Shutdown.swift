import CAdopt
import Glibc

extension Supervisor {
  /// shutdown(2) of the receiving side, which ends a listening socket for everybody, and with it the
  /// connections that wait in its queue.
  ///
  /// Programs do that when they end. The socket is to outlive them, so that nothing is done: they close
  /// it next, and go. Only a thread that waits in accept(2) has to be told, or the program might wait for
  /// that thread for ever. Nothing but the real thing wakes it; the socket listens again as soon as it
  /// has. In that moment, a millisecond, connections are refused.
  func shutdown(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let descriptor = CInt(truncatingIfNeeded: call.arguments.0)
    let inode = asker.socketInode(descriptor)
    guard isWaiting(call) else { return .gone }
    guard let index = sockets.firstIndex(where: { $0.inode == inode }), sockets[index].listens
    else {
      return .goOn
    }
    if told.isNew(shut: index) { report(.kept(index, .listening, asker.described)) }
    // A Unix socket would never listen again (unix_shutdown of net/unix/af_unix.c leaves a mark).
    if sockets[index].wish.address.port != nil, let process = asker.process,
      cadopt_accepts(process, descriptor)
    {
      wakeAcceptors(process, descriptor, sockets[index])
    }
    return .result(error: 0)
  }

  private func wakeAcceptors(_ process: pid_t, _ descriptor: CInt, _ socket: AdoptedSocket) {
    guard Glibc.shutdown(socket.descriptor, CInt(SHUT_RD)) == 0 else { return }
    // Listening again too early would put it back to sleep before it has seen anything.
    for _ in 1...100 where cadopt_accepts(process, descriptor) { usleep(200) }
    _ = socket.listen(theirs: 0)
  }
}
