import Adopt
import Synchronization

/// Reports on their way from the supervisors' threads to the loop, which begins after the first of them
/// may have come.
final class AdoptMailbox: Sendable {
  private struct State {
    var waiting: [(report: AdoptReport, start: Int)] = []
    var wake: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  /// - Parameter start: the number of the child's start that it is about.
  func post(_ report: AdoptReport, of start: Int) {
    let wake = state.withLock { state in
      state.waiting.append((report, start))
      return state.waiting.count == 1 ? state.wake : nil
    }
    wake?()
  }

  /// - Parameter wake: called from any thread when there is something, and now if there is already.
  func open(_ wake: @escaping @Sendable () -> Void) {
    let isWaiting = state.withLock { state in
      state.wake = wake
      return !state.waiting.isEmpty
    }
    if isWaiting { wake() }
  }

  /// What has come, in its order.
  func empty() -> [(report: AdoptReport, start: Int)] {
    state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
  }
}
