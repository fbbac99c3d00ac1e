import Glibc

/// Who counts as the child's own (rule 6), and where to say that it cannot be told.
public struct Kin {
  let root: pid_t
  let includesRoot: Bool
  let bindsLate: () -> Bool
  let generations: Generations?
  let notice: (String) -> Void

  /// - Parameters:
  ///   - root: the process whose descendants are the child's tree: vouch itself, which adopts every
  ///     orphan below it.
  ///   - includesRoot: whether the root itself may answer, too.
  ///   - bindsLate: asked on the loop: whether the child is still to bind a passed socket, and gets it
  ///     only then (`--pass adopt`). While nobody else has one, what waits in its queue waits for the
  ///     child.
  ///   - generations: where several generations of the child may live at once, for the probes that judge
  ///     one of them.
  ///   - notice: called on the loop, once in a life, with what keeps vouch from seeing whose answers
  ///     it gets.
  public init(
    root: pid_t, includesRoot: Bool = false, bindsLate: @escaping () -> Bool = { false },
    generations: Generations? = nil, notice: @escaping (String) -> Void
  ) {
    self.root = root
    self.includesRoot = includesRoot
    self.bindsLate = bindsLate
    self.generations = generations
    self.notice = notice
  }
}
