import Glibc
import Synchronization

@testable import Checks

/// A resolver that answers only when the test lets it.
final class HeldResolver: Sendable {
  let resolve: NameLookup.Resolve
  private let count: Counter
  /// The end of a pipe that nothing is written to, and the one that those who ask read from.
  private let gate: CInt
  private let exit: CInt

  init(_ answer: NameLookup.Answer) {
    var ends: [CInt] = [0, 0]
    pipe(&ends)
    let count = Counter()
    let exit = ends[0]
    resolve = { _, _ in
      count.add()
      var byte: UInt8 = 0
      // The gate stays open: the end of the pipe is there for all who come.
      while read(exit, &byte, 1) < 0, errno == EINTR {}
      return answer
    }
    gate = ends[1]
    self.count = count
    self.exit = exit
  }

  /// How often it was asked.
  var calls: Int { count.value }

  /// Lets every question pass, those to come included.
  func release() { close(gate) }

  /// After the last question has passed.
  func end() { close(exit) }
}

final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
