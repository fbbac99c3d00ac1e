import NIOCore

/// Sees to it that a probe's `done` is called once at most, on the loop, never before the probe's
/// `start` has returned, and never after `cancel()`.
final class Completion: @unchecked Sendable {
  private let loop: any EventLoop
  private var done: ((ProbeResult) -> Void)?
  private var starting = true
  private var early: ProbeResult? = nil

  init(_ loop: any EventLoop, _ done: @escaping (ProbeResult) -> Void) {
    self.loop = loop
    self.done = done
  }

  /// `start` returns now.
  func started() {
    starting = false
    guard let result = early else { return }
    early = nil
    loop.execute { self.deliver(result) }
  }

  func call(_ result: ProbeResult) {
    if starting {
      early = result
    } else {
      deliver(result)
    }
  }

  func cancel() {
    done = nil
  }

  private func deliver(_ result: ProbeResult) {
    let done = self.done
    self.done = nil
    done?(result)
  }
}
