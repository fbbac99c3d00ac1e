/// Whom a signal reached that vouch got.
public enum Reach: Hashable, Sendable {
  /// vouch alone: the child gets its copy from vouch.
  case vouchAlone
  /// The child got a copy of its own: vouch sends none.
  case childToo
  /// Only systemd can tell; it is being asked.
  case unknown
}

/// KillMode= of the unit (systemd.kill(5)).
public enum KillMode: String, Hashable, Sendable, CaseIterable {
  case controlGroup = "control-group"
  case mixed
  case process
  case none
}

/// Who sent a signal (siginfo of sigaction(2)).
public enum SignalSender: Hashable, Sendable, CaseIterable {
  /// The service manager that started vouch.
  case manager
  /// Any other process.
  case process
  /// The kernel itself, as for Ctrl-C on a terminal or its hang-up.
  case kernel
}

/// Rule 5: the child gets exactly one copy of a stop signal, whatever KillMode= is.
///
/// Under KillMode=control-group systemd signals every process of the unit, vouch and the child
/// alike, but only to stop the unit: `systemctl kill --kill-whom=main`, a reload and a plain
/// kill(1) reach vouch alone. Whether the unit is being stopped tells the two apart.
public enum SignalReach {
  /// What can be said at once.
  ///
  /// - Parameters:
  ///   - killMode: the unit's, or nil while it is not known.
  ///   - childSharesTerminal: the child is in vouch's process group, so that what the terminal
  ///     sends to the foreground group reaches both.
  public static func reach(
    of sender: SignalSender, killMode: KillMode?, childSharesTerminal: Bool
  ) -> Reach {
    switch sender {
    case .process: .vouchAlone
    case .kernel: childSharesTerminal ? .childToo : .vouchAlone
    case .manager:
      switch killMode {
      case .mixed, .process, .some(.none): .vouchAlone
      case .controlGroup, nil: .unknown
      }
    }
  }

  /// What can be said once systemd has answered, or has not in time (nil for what it did not tell).
  ///
  /// One copy too many is better than none: a child that never hears of the stop is killed later.
  /// So where KillMode= cannot be read, the child gets vouch's copy.
  public static func settle(killMode: KillMode?, unitIsStopping: Bool?) -> Reach {
    guard killMode == .controlGroup else { return .vouchAlone }
    // Asked in vain while the unit was going down: a stop is by far the likeliest cause.
    return unitIsStopping == false ? .vouchAlone : .childToo
  }
}
