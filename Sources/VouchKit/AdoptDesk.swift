import Adopt
import Checks
import Glibc
import Launch
import Logging
import NIOCore
import Supervision
import SystemPackage

/// `--pass adopt` in the shell: each start of the child gets its filter and its supervisor, and what
/// they report comes to the loop.
final class AdoptDesk {
  private let adoption: Adoption
  private let log: Logger
  private let mailbox = AdoptMailbox()
  private var taking: ((AdoptReport) -> Void)?
  private var start = 0
  private var hasToldLimits = false

  // Of the present start of the child:
  private var adopted: Set<Int> = []
  private var elsewhere: [BindAddress] = []
  /// The binds that were refused, in words; the last ones.
  private(set) var refusals: [String] = []
  private var look: Scheduled<Void>?
  /// Whether a look at the program's sockets has told already that it listens elsewhere.
  var isDiagnosed: () -> Bool = { false }

  /// - Throws: why sockets cannot be adopted here, or that there are none. To be called while vouch has
  ///   one thread.
  init?(_ plan: Plan, _ log: Logger) throws(Refusal) {
    guard let options = plan.adoptOptions else { return nil }
    self.log = log
    do {
      adoption = try Adoption(
        plan.sockets.all.map { ($0.descriptor, $0.name) }, options: options)
    } catch {
      throw .usage(error.description)
    }
    if let objection = ConnectsFirst.objection(
      program: plan.command.first ?? [], addresses: adoption.addresses)
    {
      throw .usage("--pass adopt: \(objection)")
    }
    do {
      try adoption.selfTest()
    } catch {
      throw .failure(error.description)
    }
  }

  /// Whether the present child has not bound all of the passed sockets.
  var isIncomplete: Bool { adopted.count < adoption.names.count }

  /// Launches the child under a filter of its own.
  func launch(_ request: LaunchRequest) throws(LaunchError) -> ProcessID {
    let pending: AdoptionStart
    do {
      pending = try adoption.prepare()
    } catch {
      throw LaunchError(error)
    }
    var request = request
    request.preparation = LaunchRequest.Preparation(AdoptionStart.install, pending.filter)
    let process = try Launch.launch(request)
    start += 1
    adopted = []
    elsewhere = []
    refusals = []
    look?.cancel()
    look = nil
    do {
      let mailbox = mailbox
      let number = start
      try pending.begin(thread: DetachedThread.run) { mailbox.post($0, of: number) }
    } catch {
      // Every bind of it would fail.
      try? process.send(.kill)
      throw LaunchError(error)
    }
    tellLimits(pending)
    return process
  }

  private func tellLimits(_ pending: AdoptionStart) {
    if hasToldLimits { return }
    hasToldLimits = true
    if pending.hasSetNoNewPrivileges {
      log.notice(
        "--pass adopt sets no_new_privs for the program, as vouch lacks CAP_SYS_ADMIN: set-user-ID programs and file capabilities give it no privileges"
      )
    }
    if pending.isInterruptible {
      log.notice(
        "--pass adopt: before Linux 5.19 a signal that arrives during a bind(2) may make it fail with EINTR"
      )
    }
  }

  /// Takes reports on the loop from now on; `listening` is called for each that says that the child
  /// listens, or has a socket that does: some programs ask first, and leave listen(2) out.
  func attach(on loop: any EventLoop, listening: @escaping () -> Void) {
    taking = { [self] report in
      take(report, on: loop)
      switch report {
      case .adopted, .listening: listening()
      case .unmatched, .refused, .unseen, .kept, .pathless, .unwatched, .short: break
      }
    }
    let desk = NIOLoopBound(self, eventLoop: loop)
    mailbox.open { loop.execute { desk.value.read() } }
  }

  /// Takes what has been reported up to now. To be called before the child's end is: it may be the
  /// reason.
  func read() {
    for (report, number) in mailbox.empty() {
      if number == start { taking?(report) } else { takeOld(report) }
    }
  }

  /// Of a generation before the last that was started: what concerns the last one alone is left out.
  private func takeOld(_ report: AdoptReport) {
    switch report {
    case .refused(_, let asked, let reason, let process):
      log.error("\(process) cannot bind \(asked): \(reason)")
    case .short(let text):
      log.warning("a bind(2) of the program waits until vouch can look at it: \(text)")
    case .adopted, .listening, .unmatched, .unseen, .kept, .pathless, .unwatched:
      break
    }
  }

  private func take(_ report: AdoptReport, on loop: any EventLoop) {
    switch report {
    case .adopted(let index, let asked, let process):
      adopted.insert(index)
      let address = adoption.addresses[index]
      let parts = [adoption.name(index), asked == address ? nil : "\(address)"].compactMap { $0 }
      let which = parts.isEmpty ? "" : " " + parts.joined(separator: ", ")
      log.info("\(process) bound \(asked): it has the passed socket\(which)")
      lookLater(on: loop)
    case .listening: lookLater(on: loop)
    case .unmatched(let address, let process):
      if elsewhere.count < 8 { elsewhere.append(address) }
      log.debug("\(process) bound \(address), which no passed socket is for")
    case .refused(_, let asked, let reason, let process):
      let text = "\(process) cannot bind \(asked): \(reason)"
      refusals = refusals.suffix(3) + [text]
      log.error("\(text)")
    case .unseen(let address, let reason, let process):
      let what = address.map(\.description) ?? "an address"
      log.warning("\(process) bound \(what), and may have wanted a passed socket: \(reason)")
    case .kept(let index, let what, let process):
      let did =
        switch what {
        case .path: "removed"
        case .listening: "shut down"
        }
      log.debug("\(process) \(did) \(adoption.addresses[index]), the passed socket: it stays")
    case .pathless(let index, let process):
      log.warning(
        "nothing is at \(adoption.addresses[index]) for \(process), which has the passed socket of that path: if something removed it, as an ExecStartPre= that clears old sockets away, clients cannot connect to it until its .socket unit starts again"
      )
    case .unwatched(let index, let reason, let process):
      log.error(
        "\(process) watched its socket with epoll before it bound it, and may not hear of connections to \(adoption.descriptions[index]): \(reason)"
      )
    case .short(let text):
      log.warning("a bind(2) of the program waits until vouch can look at it: \(text)")
    }
  }

  // MARK: - After a signal

  /// A process may stop to accept and go on: until when that is looked for.
  private static let looks: [TimeAmount] = [
    .milliseconds(50), .milliseconds(200), .seconds(1), .seconds(5), .seconds(20),
  ]
  private var leftoverLooks: [Scheduled<Void>] = []

  /// The child got a signal, which may make it, or workers that it replaces, close the passed sockets
  /// while they go on.
  func signalled(on loop: any EventLoop) {
    for look in leftoverLooks { look.cancel() }
    let adoption = adoption
    let log = log
    leftoverLooks = Self.looks.map { delay in
      loop.scheduleTask(in: delay) {
        _ = DetachedThread.run {
          let count = adoption.dropLeftovers(below: getpid())
          if count > 0 {
            log.debug("\(count) passed sockets taken out of epoll, which were closed")
          }
        }
      }
    }
  }

  /// How long after the first bind or listen the others have to come.
  private static let patience = TimeAmount.seconds(5)

  private func lookLater(on loop: any EventLoop) {
    if look != nil { return }
    look = loop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in
      let missing = adoption.descriptions.indices.filter { !adopted.contains($0) }
      if missing.isEmpty || isDiagnosed() { return }
      let names = missing.map { adoption.descriptions[$0] }.joined(separator: ", ")
      let others =
        elsewhere.isEmpty
        ? "" : "; it bound " + elsewhere.map(\.description).joined(separator: ", ")
      log.warning("the program listens, and has not bound the passed socket \(names)\(others)")
    }
  }
}

extension LaunchError {
  fileprivate init(_ error: AdoptError) {
    if case .short(let code) = error {
      self.init(step: .preparation, error: Errno(rawValue: code))
    } else {
      self.init(step: .preparation, error: .invalidArgument)
    }
  }
}
