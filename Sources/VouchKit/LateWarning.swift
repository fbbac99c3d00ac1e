import Supervision
import Systemd

/// What in the unit or on the machine works against an option, where that is known only once the child
/// runs.
struct LateWarning: Hashable {
  var text: String

  /// With KillMode=control-group systemd signals every process of the service itself (systemd.kill(5)),
  /// with KillSignal=. A generation that is replaced is vouch's to stop, whatever KillMode= says.
  static func stopSignal(
    _ signal: NamedSignal?, _ unit: OwnUnit?, killSignal: Int32?
  ) -> LateWarning? {
    guard let signal, unit?.killMode == "control-group", killSignal != signal.number else {
      return nil
    }
    return LateWarning(
      text: "--stop-signal \(signal) has no effect when systemd stops the service, since with "
        + "KillMode=control-group it signals the child itself: set KillMode=mixed")
  }

  /// Said before the first deploy that `--on-reload replace` will not do.
  static func replacing(_ obstacle: String?) -> LateWarning? {
    obstacle.map {
      LateWarning(
        text: "--on-reload replace: a reload would fail: it could not be told whose answers the "
          + "checks get, since \($0)")
    }
  }
}
