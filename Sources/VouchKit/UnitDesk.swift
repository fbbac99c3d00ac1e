import Checks
import Launch
import Logging
import NIOCore
import Supervision
import Systemd

/// Asks systemd about the unit that this process belongs to, without the loop having to wait.
///
/// It belongs to the loop's thread.
final class UnitDesk {
  private let isService: Bool
  private let loop: EventLoop
  private let log: Logger

  init(isService: Bool, log: Logger, on loop: EventLoop) {
    self.isService = isService
    self.log = log
    self.loop = loop
  }

  /// - Parameters:
  ///   - andStore: whether FileDescriptorStoreMax= is wanted too.
  ///   - answered: gets what the unit files say where systemd does not answer, and nil where nobody can
  ///     tell.
  func ask(andStore: Bool = false, _ answered: @escaping (OwnUnit?) -> Void) {
    guard isService else { return answered(nil) }
    let answered = NIOLoopBound(answered, eventLoop: loop)
    let log = log
    let isAsking = DetachedThread.run { [loop] in
      let answer = Result { try OwnUnit.ask(patience: .seconds(5), andStore: andStore) }
      loop.execute {
        switch answer {
        case .success(let unit): answered.value(unit)
        case .failure(let error):
          log.debug("systemd cannot be asked of this unit: \(error)")
          answered.value(OwnUnit.fromFiles())
        }
      }
    }
    if isAsking != 0 { answered.value(OwnUnit.fromFiles()) }
  }

  /// How long a stop waits for systemd to say whom it signalled.
  private static let reachPatience = TimeAmount.milliseconds(500)

  /// Whom a stop signal of systemd's has reached.
  ///
  /// - Parameters:
  ///   - signals: what is known of them when it is settled.
  ///   - settled: called once.
  func settleReach(
    signals: @escaping () -> SignalReader, settled: @escaping (Reach) -> Void
  ) {
    var isSettled = false
    func settle(_ unit: OwnUnit?) {
      if isSettled { return }
      isSettled = true
      let isStopping = unit?.activeState.map { $0 == "deactivating" || $0 == "failed" }
      settled(
        SignalReach.settle(
          killMode: unit?.killMode.flatMap(KillMode.init(rawValue:)) ?? signals().killMode,
          unitIsStopping: isStopping ?? signals().wasContinued))
    }
    loop.assumeIsolated().scheduleTask(in: Self.reachPatience) { settle(OwnUnit.fromFiles()) }
    ask(settle)
  }
}
