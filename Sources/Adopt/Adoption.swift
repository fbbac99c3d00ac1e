import CAdopt
import Glibc

/// Passed sockets for a program that binds for itself (`--pass adopt`): a seccomp filter asks vouch
/// about each bind(2) of the child's processes, and one for an address that was passed gets the passed
/// socket, at the program's own descriptor number, in place of its own.
public struct Adoption: Sendable {
  let sockets: [AdoptedSocket]
  let options: AdoptOptions

  /// Takes down what the sockets are like now, before any child had them.
  ///
  /// - Parameter sockets: descriptors of this process, which stay open, and their names. What is not
  ///   a bound socket is left out.
  /// - Throws: where there is none at all.
  public init(
    _ sockets: [(descriptor: CInt, name: String)], options: AdoptOptions = AdoptOptions()
  ) throws(AdoptError) {
    self.sockets = sockets.compactMap {
      AdoptedSocket(descriptor: $0.descriptor, name: $0.name)
    }
    self.options = options
    guard !self.sockets.isEmpty else { throw .noSocket }
  }

  /// The sockets, by the index that reports have, as they are told: `http (0.0.0.0:80)`.
  public var descriptions: [String] {
    sockets.indices.map { index in
      let address = sockets[index].wish.address
      return name(index).map { "\($0) (\(address))" } ?? "\(address)"
    }
  }
  /// Their addresses.
  public var addresses: [BindAddress] { sockets.map(\.wish.address) }
  public var names: [String] { sockets.map(\.name) }
  /// The name that somebody gave it; nil for what sd_listen_fds_with_names(3) says of all others.
  public func name(_ index: Int) -> String? {
    sockets[index].name == "unknown" ? nil : sockets[index].name
  }

  /// Gets ready for one start of the child, which wants a filter of its own.
  public func prepare() throws(AdoptError) -> AdoptionStart {
    try AdoptionStart(self)
  }
}

/// One start of a child: the filter goes in between clone and execve, and the supervision begins once
/// it runs.
public final class AdoptionStart {
  private let adoption: Adoption
  private let ownEnd: CInt
  private var childEnd: CInt
  /// What ``install`` is called with in the child.
  public let filter: UnsafeMutableRawPointer
  /// To be called in the child, with ``filter``; makes system calls and nothing else. Returns 0 or an
  /// errno.
  public static let install: @convention(c) (UnsafeMutableRawPointer?) -> CInt = cadopt_install

  fileprivate init(_ adoption: Adoption) throws(AdoptError) {
    self.adoption = adoption
    var pair: [CInt] = [-1, -1]
    let error = cadopt_pair(&pair)
    guard error == 0 else { throw .short(error) }
    (ownEnd, childEnd) = (pair[0], pair[1])
    let filter = UnsafeMutablePointer<cadopt_filter>.allocate(capacity: 1)
    filter.initialize(
      to: cadopt_filter(
        socket: pair[1], asks_shutdown: adoption.sockets.contains { $0.listens },
        asks_paths: adoption.sockets.contains { $0.hasPath },
        asks_short_bind: adoption.sockets.contains { $0.wish.address.port == nil },
        refuses_io_uring: !adoption.options.allowsIOUring, set_no_new_privs: false,
        is_interruptible: false, step: CADOPT_STEP_NONE))
    self.filter = UnsafeMutableRawPointer(filter)
  }

  deinit {
    close(ownEnd)
    closeChildEnd()
    filter.deallocate()
  }

  func closeChildEnd() {
    if childEnd >= 0 { close(childEnd) }
    childEnd = -1
  }

  /// Waits for the descriptor, as long as somebody may send it. Returns it, or a negative errno.
  ///
  /// - Parameter patience: in milliseconds.
  func awaitListener(patience: CInt) -> CInt {
    closeChildEnd()
    var waiting = pollfd(fd: ownEnd, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, patience) > 0 else { return -ETIMEDOUT }
    return cadopt_receive(ownEnd)
  }

  var state: cadopt_filter { filter.assumingMemoryBound(to: cadopt_filter.self).pointee }

  /// Why the launch failed in the step that is ``install``.
  public func failure(_ error: CInt) -> AdoptError { .install(state.step.rawValue, error) }

  /// no_new_privs was set for the child, because vouch lacks CAP_SYS_ADMIN: its set-user-ID programs
  /// and file capabilities have no effect (prctl(2)).
  public var hasSetNoNewPrivileges: Bool { state.set_no_new_privs }
  /// A signal may interrupt a bind (Linux before 5.19).
  public var isInterruptible: Bool { state.is_interruptible }

  /// Begins to answer the child, which runs already.
  ///
  /// - Parameters:
  ///   - thread: runs its argument in a new thread, and returns 0 or an errno.
  ///   - report: called in that thread.
  /// - Throws: where that is not possible: the child cannot bind then, and should be ended.
  public func begin(
    thread: (@escaping @Sendable () -> Void) -> CInt,
    report: @escaping @Sendable (AdoptReport) -> Void
  ) throws(AdoptError) {
    let listener = try receive()
    let adoption = adoption
    let error = thread {
      Supervisor(
        listener: listener, sockets: adoption.sockets, options: adoption.options, report: report
      ).run()
    }
    guard error == 0 else {
      close(listener)
      throw .short(error)
    }
  }

  /// The descriptor on which the kernel asks.
  func receive() throws(AdoptError) -> CInt {
    let listener = cadopt_receive(ownEnd)
    guard listener >= 0 else { throw .short(-listener) }
    return listener
  }
}
