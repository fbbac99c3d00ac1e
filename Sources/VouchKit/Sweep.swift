import Checks
import Launch
import Logging
import Supervision

/// SIGKILL to what a generation of the child leaves behind when it ends, as systemd sends it to what is
/// left in a control group: old workers must not serve beside the new child's. What a killed process
/// leaves behind comes to vouch only then, so it goes on until nothing is left.
final class Sweep {
  private let commands: ExecRunner
  private let generations: Generations
  private let log: Logger
  /// The generations that have ended, and whose leftovers may still be there.
  private var ended: Set<Int> = []
  /// What had its stop signal after its generation's first process had ended.
  private var stopped: Set<ProcessID> = []
  /// What is killed by what it has and when it came, and was told of.
  private var presumed: Set<ProcessID> = []

  init(commands: ExecRunner, generations: Generations, log: Logger) {
    self.commands = commands
    self.generations = generations
    self.log = log
  }

  /// - Parameters:
  ///   - child: its first process, where that was reaped only now: later its number may be a stranger's.
  ///   - running: the heads of those that go on.
  func begin(of child: Child?, _ generation: Int, running: [ProcessID]) {
    // Its number stays taken while a member is left.
    if let child, child.leadsGroup { try? child.process.sendToGroup(.kill) }
    stopped = []
    ended.insert(generation)
    goOn(running: running)
  }

  /// A stop signal to what a generation leaves behind when its first process has ended and the rest may
  /// finish, to each process once. To be called again whenever a process was reaped.
  ///
  /// - Returns: whether anything is left.
  func stop(of generation: Int, _ signal: NamedSignal, running: [ProcessID]) -> Bool {
    guard let raw = Launch.Signal(rawValue: signal.number) else { return false }
    let left = Offspring.all().filter {
      !running.contains($0) && !commands.processes.contains($0)
        && generations.generation(of: $0.rawValue) == generation
    }
    let new = left.filter { !stopped.contains($0) }
    if stopped.isEmpty, !new.isEmpty {
      log.info(
        "generation \(generation) goes on without its first process: \(signal) to what is left of it"
      )
    }
    for process in new {
      try? process.send(raw)
      try? process.send(.continue)
    }
    stopped = Set(left)
    return !left.isEmpty
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
        // It tells nothing of where it comes from: it may be one of those that go on.
        guard let generation = generations.presumedGeneration(of: process.rawValue),
          ended.contains(generation)
        else { continue }
        left.insert(generation)
        tell(of: process, generation)
      }
      try? process.send(.kill)
    }
    for generation in ended.subtracting(left) { generations.heads[generation] = nil }
    ended = left
    if ended.isEmpty { presumed = [] }
  }

  private func tell(of process: ProcessID, _ generation: Int) {
    guard presumed.insert(process).inserted else { return }
    log.notice(
      "killing process \(process): it has the service's socket, tells nothing of where it comes from, and is of the time of generation \(generation), which has ended"
    )
  }
}
