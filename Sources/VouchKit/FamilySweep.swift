import Launch

/// SIGKILL to whatever of the last child's family goes on when another one is to start, as systemd sends
/// it to what is left in a control group: old workers must not serve beside the new child's. (`Sweep`
/// does it where several generations live at a time.)
final class FamilySweep {
  private let commands: ExecRunner
  /// Until the next child starts.
  private var isGoingOn = false

  init(commands: ExecRunner) { self.commands = commands }

  /// - Parameter child: the one that has ended, where that is new. The number of the group that it led
  ///   stays taken while a member is left.
  func begin(of child: Child?) {
    isGoingOn = true
    if let child, child.leadsGroup { try? child.process.sendToGroup(.kill) }
    goOn()
  }

  /// To be called whenever a process was reaped: what a killed one leaves behind comes to vouch only then.
  func goOn() {
    guard isGoingOn else { return }
    for process in Offspring.all() where !commands.processes.contains(process) {
      try? process.send(.kill)
    }
  }

  /// Another child is about to start.
  func end() { isGoingOn = false }
}
