import Checks
import Launch
import Supervision

/// The generation beside the one that serves (`--on-reload replace`), as the shell has it.
struct OtherGeneration {
  var child: Child
  var generation: Int
  /// Whether it is to take the place of the one that serves, and not the other way round.
  var isNew: Bool
  var probes: [any Probe]
  var running: [CheckID: any RunningProbe] = [:]
  var ended: ExitStatus?
  /// The stop signal that it has to finish after, once it was replaced: whatever outlives its first
  /// process, as the server behind a shell script does, gets that too.
  var drains: NamedSignal?
  /// Whether something did.
  var isOutlived = false
}
