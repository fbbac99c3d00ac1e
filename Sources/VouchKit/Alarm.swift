import NIOCore
import Supervision

/// One timer for everything that waits, so that nothing wakes vouch between probes.
final class Alarm {
  private let loop: any EventLoop
  private var next: (at: Moment, task: Scheduled<Void>)?

  init(_ loop: any EventLoop) { self.loop = loop }

  /// In place of what it was set to before; nil for never.
  func set(_ time: Moment?, _ ring: @escaping () -> Void) {
    if next?.at == time { return }
    next?.task.cancel()
    next = time.map { at in
      let task = loop.assumeIsolated().scheduleTask(deadline: at.deadline) { [self] in
        next = nil
        ring()
      }
      return (at, task)
    }
  }
}
