import NIOCore

/// What stands in the place of a probe for a check that waits for reports: asked all the same, it has
/// nothing to say of the child.
final class PassiveCheck: Probe {
  func start(
    on loop: any EventLoop, timeout: TimeAmount, _ done: @escaping (ProbeResult) -> Void
  ) -> any RunningProbe {
    let completion = Completion(loop, done)
    completion.call(.inconclusive("reports are waited for, not asked"))
    completion.started()
    return Run(completion)
  }

  private final class Run: RunningProbe {
    var delayed: ((TimeAmount) -> Void)? = nil
    private let completion: Completion

    init(_ completion: Completion) { self.completion = completion }

    func cancel() { completion.cancel() }
  }
}
