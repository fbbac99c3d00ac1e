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
}
