import Checks
import Launch

/// SIGKILL to what a generation of the child leaves behind when it ends, as systemd sends it to what is
/// left in a control group: old workers must not serve beside the new child's. What a killed process
/// leaves behind comes to vouch only then, so it goes on until nothing is left.
final class Sweep {
  private let commands: ExecRunner
  private let generations: Generations
  /// The generations that have ended, and whose leftovers may still be there.
  private var ended: Set<Int> = []

  init(commands: ExecRunner, generations: Generations) {
    self.commands = commands
    self.generations = generations
  }

  /// - Parameter running: the heads of those that go on.
  func begin(of child: Child, _ generation: Int, running: [ProcessID]) {
    // Its number stays taken while a member is left.
    if child.leadsGroup { try? child.process.sendToGroup(.kill) }
    ended.insert(generation)
    goOn(running: running)
  }

  /// To be called whenever a process was reaped.
  func goOn(running: [ProcessID]) {
    if ended.isEmpty { return }
    var left: Set<Int> = []
    for process in Offspring.all()
    where !running.contains(process) && !commands.processes.contains(process) {
      if let generation = generations.generation(of: process.rawValue) {
        guard ended.contains(generation) else { continue }
        left.insert(generation)
      } else if !running.isEmpty {
        // It tells nothing of where it comes from: it may be one of those that serve.
        continue
      }
      try? process.send(.kill)
    }
    for generation in ended.subtracting(left) { generations.heads[generation] = nil }
    ended = left
  }
}
