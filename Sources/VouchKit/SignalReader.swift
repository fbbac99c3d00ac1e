import Glibc
import Launch
import Supervision
import Systemd

/// What a signal means, from what the kernel tells of its sender and what systemd tells of the unit.
struct SignalReader {
  /// Whether vouch is a process of a systemd service; elsewhere nobody signals by control group.
  let isService: Bool
  let managerProcess: Int32
  let sharesTerminal: Bool
  /// Nil until systemd has answered.
  var unit: OwnUnit?
  /// Whether the manager has sent SIGCONT. It does so right after each signal that is to stop a unit
  /// (kill_and_sigcont in systemd's src/basic/process-util.c), and not for `systemctl kill`.
  private(set) var wasContinued = false

  /// The signals that vouch was started with ignored (nohup(1), a shell's background job): bit N − 1
  /// stands for signal N.
  private let ignored: UInt64

  init(isService: Bool, sharesTerminal: Bool, ignored: UInt64 = 0) {
    self.isService = isService
    self.ignored = ignored
    self.sharesTerminal = sharesTerminal
    managerProcess = getppid()
  }

  var killMode: KillMode? { unit?.killMode.flatMap(KillMode.init(rawValue:)) }

  var killSignal: Int32? {
    unit?.killSignal ?? unit?.killSignalName.flatMap { Launch.Signal($0)?.rawValue }
  }

  mutating func event(for received: ReceivedSignal) -> Event {
    let sender = sender(of: received)
    if received.signal == .continue, sender == .manager { wasContinued = true }
    let signal = NamedSignal(received.signal)
    let reach = SignalReach.reach(
      of: sender, killMode: killMode, childSharesTerminal: sharesTerminal)
    let role = SignalRole.of(
      signal.number, from: sender, killSignal: killSignal, reloadSignal: unit?.reloadSignal)
    // Whoever started vouch wanted this signal to do nothing. The child ignores it too.
    if ignored & (1 << (signal.number - 1)) != 0 { return .signal(signal, reach) }
    switch role {
    case .stop: return .stop(signal, reach)
    case .reload: return .reload(signal, reach)
    case .other: return .signal(signal, reach)
    }
  }

  private func sender(of received: ReceivedSignal) -> SignalSender {
    switch received.origin {
    case .kernel: return .kernel
    case .process, .other:
      guard isService else { return .process }
      // A sender outside our pid namespace has no number here: of those, the manager is the one
      // that signals services.
      guard let process = received.sender?.rawValue else { return .manager }
      return process == 1 || process == managerProcess ? .manager : .process
    }
  }
}
