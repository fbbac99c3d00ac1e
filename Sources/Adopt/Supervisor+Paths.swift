import CAdopt
import Glibc

extension Supervisor {
  /// unlink(2) and unlinkat(2): the path of a passed socket stays, and the program is told that it is
  /// gone.
  func unlink(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let isAt = call.question == CADOPT_UNLINKAT
    let folder = isAt ? CInt(truncatingIfNeeded: call.arguments.0) : AT_FDCWD
    let address = isAt ? call.arguments.1 : call.arguments.0
    // As rmdir(2).
    if isAt, CInt(truncatingIfNeeded: call.arguments.2) & AT_REMOVEDIR != 0 { return .goOn }
    let index = asker.text(address).flatMap { paths.index($0, from: folder, asker) }
    guard isWaiting(call) else { return .gone }
    guard let index else { return .goOn }
    if told.isNew(kept: index) { news = .kept(index, .path, asker.described) }
    return .result(error: 0)
  }

  /// rename(2) and its kin. haproxy binds another path and then gives it the name of its own, which
  /// would take the place of the passed socket, with whoever waits there: that is refused, and so is
  /// taking the name away.
  func rename(_ call: cadopt_call) -> Answer {
    let asker = Asker(thread: call.thread)
    let isAt = call.question == CADOPT_RENAMEAT
    let arguments = call.arguments
    let ends =
      isAt
      ? [(arguments.0, arguments.1), (arguments.2, arguments.3)]
      : [
        (UInt64(bitPattern: Int64(AT_FDCWD)), arguments.0),
        (UInt64(bitPattern: Int64(AT_FDCWD)), arguments.1),
      ]
    let index = ends.lazy.compactMap { folder, address in
      asker.text(address).flatMap {
        self.paths.index($0, from: CInt(truncatingIfNeeded: folder), asker)
      }
    }.first
    guard isWaiting(call) else { return .gone }
    guard let index else { return .goOn }
    let address = sockets[index].wish.address
    if told.isNew(kept: index) {
      news = .refused(
        index, asked: address,
        reason:
          "it renames a path of its own to that of the passed socket, as haproxy does: give it the "
          + "descriptor in its own way (--pass argv with {fd} or env:TEMPLATE), or a TCP address",
        asker.described)
    }
    // "In use by another process" (rename(2)).
    return .result(error: EBUSY)
  }
}
