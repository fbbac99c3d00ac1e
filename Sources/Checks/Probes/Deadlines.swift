import CLaunch
import Glibc
import NIOCore
import NIOPosix

/// The deadlines of all probes, on one timerfd(2) that is stopped while no probe runs.
///
/// NIO's own timers would do, but for one thing: NIO leaves its timer armed when what it was armed
/// for is cancelled. Each probe that passed would wake vouch once more, when it would have timed out.
final class Deadlines {
  /// What has a deadline.
  protocol Handler: AnyObject {
    /// The deadline has come. It is not armed any more.
    func deadlineCame()
  }

  /// How late vouch may be before it matters.
  static let latenessAllowed = TimeAmount.milliseconds(50)

  private let descriptor: CInt
  private var armed: [(handler: any Handler, at: NIODeadline)] = []
  private var pulse = Pulse()
  /// How long vouch had had a CPU when the timer last went off.
  private var ranBefore = TimeAmount.zero
  private var latenessOfTurn = TimeAmount.zero
  private var timerIsSetFor = NIODeadline.distantFuture
  private var watches: [Watch] = []
  /// The last look at delays, while something is watched, and how long it took.
  private var look: (delay: RunDelay, took: TimeAmount)?
  private var channel: (any Channel)?

  /// - Throws: `SpecError` where no descriptor is left.
  init() throws(SpecError) {
    descriptor = claunch_timerfd()
    if descriptor < 0 { throw SpecError("no timer for the checks: \(words(for: -descriptor))") }
  }

  deinit {
    if let channel { channel.close(promise: nil) } else { close(descriptor) }
  }

  /// Arms the deadline of a handler, or moves it. To be called on the loop, always the same one.
  func arm(_ handler: any Handler, at deadline: NIODeadline, on loop: any EventLoop) {
    if channel == nil { open(on: loop) }
    armed.removeAll { $0.handler === handler }
    armed.append((handler, deadline))
    setTimer()
  }

  func disarm(_ handler: any Handler) {
    armed.removeAll { $0.handler === handler }
    setTimer()
  }

  /// Watches over the time of a probe from now on; `arm` is to follow.
  func beginWatch(limit: TimeAmount) -> Watch {
    // What vouch did with its time before is no reason for being late now, and there may be hours of it:
    // quick probes end before any timer goes off.
    if watches.isEmpty { ranBefore = Self.timeOnCPU() }
    pulse.begin(limit: limit, at: .now())
    let watch = Watch(lostBefore: pulse.lost)
    watches.append(watch)
    return watch
  }

  /// The probe has ended; `disarm` is to follow.
  func endWatch(_ watch: Watch) {
    watches.removeAll { $0 === watch }
    if watches.isEmpty {
      pulse.end()
      look = nil
    }
  }

  /// How late vouch was in this turn of the loop, or is by now: what is read from a connection in this
  /// turn may have come as long ago.
  var lateness: TimeAmount {
    max(latenessOfTurn, timerIsSetFor == .distantFuture ? .zero : NIODeadline.now() - timerIsSetFor)
  }

  /// For how much of a probe's time so far vouch, or the processes below it, were kept from running.
  func lost(of watch: Watch) -> TimeAmount {
    max(
      pulse.lost - watch.lostBefore,
      watch.delayBefore.map { delays().lost(since: $0) } ?? .zero)
  }

  /// The time of one probe.
  final class Watch {
    fileprivate let lostBefore: TimeAmount
    /// Once it lasts for a pulse or more.
    fileprivate var delayBefore: RunDelay?

    fileprivate init(lostBefore: TimeAmount) { self.lostBefore = lostBefore }
  }

  /// - Parameter wasRead: whether an expiry of the timer has just been read.
  private func setTimer(wasRead: Bool = false) {
    // An expiry that waits to be read stays. Taken back by a new time, it would be missing where NIO was
    // told of it in this turn of the loop, and a debug build of NIO ends then.
    if !wasRead, timerIsSetFor <= .now() { return }
    let next = min(armed.lazy.map(\.at).min() ?? .distantFuture, pulse.next)
    // A system call for each that ends before the first of many would be for nothing.
    if !wasRead, next == timerIsSetFor { return }
    timerIsSetFor = next
    claunch_timerfd_set(
      descriptor, timerIsSetFor == .distantFuture ? 0 : timerIsSetFor.uptimeNanoseconds)
  }

  private func open(on loop: any EventLoop) {
    let reader = NIOLoopBound(Reader(self), eventLoop: loop)
    // An expiry before the channel reads waits in the descriptor.
    NIOPipeBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(reader.value)
        }
      }
      .takingOwnershipOfDescriptor(input: descriptor)
      .assumeIsolated().whenComplete { [weak self] in
        switch $0 {
        case .success(let channel):
          if let self { self.channel = channel } else { channel.close(promise: nil) }
        // Without deadlines a probe could last for ever: better to end, and the child with us.
        case .failure(let error): fatalError("the timer of the checks cannot be read: \(error)")
        }
      }
  }

  private func expired() {
    let now = NIODeadline.now()
    if pulse.next <= now { lookAtDelays() }
    let ran = Self.timeOnCPU()
    pulse.timerCame(setFor: timerIsSetFor, at: now, busy: ran - ranBefore)
    ranBefore = ran
    noteLateness(now - timerIsSetFor)
    let due = armed.filter { $0.at <= now }
    armed.removeAll { $0.at <= now }
    setTimer(wasRead: true)
    for entry in due { entry.handler.deadlineCame() }
  }

  /// How long this thread had a CPU (clock_gettime(2)).
  private static func timeOnCPU() -> TimeAmount {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }

  private func noteLateness(_ late: TimeAmount) {
    guard late > Pulse.tolerance, let channel else { return }
    latenessOfTurn = late
    // Tasks run after everything that was ready in this turn.
    channel.eventLoop.assumeIsolated().execute { self.latenessOfTurn = .zero }
  }

  private func lookAtDelays() {
    let fresh = watches.filter { $0.delayBefore == nil }
    if fresh.isEmpty { return }
    let delay = delays()
    for watch in fresh { watch.delayBefore = delay }
  }

  /// How long each process was kept from running, as of now or not long ago. Looks take no more than a
  /// tenth of vouch's time, however many probes ask for them: else they themselves would make it late,
  /// and what it is late counts as lost.
  private func delays() -> RunDelay {
    if let look, NIODeadline.now() - look.delay.at < look.took * 10 { return look.delay }
    let delay = RunDelay.now()
    look = (delay, .now() - delay.at)
    return delay
  }

  private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private weak var deadlines: Deadlines?

    init(_ deadlines: Deadlines) { self.deadlines = deadlines }

    /// The bytes count expiries (timerfd_create(2)); that there are any is enough.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { deadlines?.expired() }
  }
}
