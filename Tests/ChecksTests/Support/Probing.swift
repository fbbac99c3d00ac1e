import Glibc
import NIOCore
import NIOPosix
import Synchronization

@testable import Checks

/// The loop that all probes of the tests run on.
let loop: any EventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

/// For checks that run no command.
final class NoCommands: CommandRunner, Sendable {
  func run(
    _ command: [String], variables: [String: String], _ ended: @escaping (CommandEnd) -> Void
  ) -> Result<any CommandHandle, CommandFailure> {
    .failure(.cannotRun("no command was expected"))
  }
}

func factory(
  _ listeners: [ListenerAddress] = [], kin: Kin? = nil,
  resolve: @escaping NameLookup.Resolve = NameLookup.system
) throws -> ProbeFactory {
  try ProbeFactory(
    listeners: listeners, version: "1.2.3", runner: NoCommands(), kin: kin, resolve: resolve)
}

/// Parses the SPEC, probes once, and gives what came of it.
func probe(
  _ kind: CheckSpec.Kind, _ text: String, _ listeners: [ListenerAddress] = [],
  timeout: TimeAmount = .seconds(10),
  resolve: @escaping NameLookup.Resolve = NameLookup.system
) async throws -> ProbeResult {
  try await Prober(kind, text, listeners, resolve: resolve).run(timeout: timeout)
}

func http(
  _ text: String, _ listeners: [ListenerAddress] = [], timeout: TimeAmount = .seconds(10)
) async throws -> ProbeResult {
  try await probe(.http, text, listeners, timeout: timeout)
}

/// A probe that is run several times.
struct Prober: Sendable {
  private let probe: NIOLoopBound<any Probe>

  init(
    _ kind: CheckSpec.Kind, _ text: String, _ listeners: [ListenerAddress] = [],
    childOf root: pid_t? = nil, notices: Notices = Notices(),
    resolve: @escaping NameLookup.Resolve = NameLookup.system
  ) async throws {
    let check = try CheckSpec.parse(kind: kind, text: text)
    probe = try await loop.submit {
      let kin = root.map { Kin(root: $0, includesRoot: true, notice: notices.add) }
      return NIOLoopBound(
        try factory(listeners, kin: kin, resolve: resolve).makeProbe(for: check), eventLoop: loop)
    }.get()
  }

  /// One that judges a generation of the tests' own children.
  init(
    _ kind: CheckSpec.Kind, _ text: String, _ listeners: [ListenerAddress], generation: Int?,
    of heads: [Int: pid_t], root: pid_t = getpid(),
    runner: any CommandRunner & Sendable = NoCommands()
  ) async throws {
    let check = try CheckSpec.parse(kind: kind, text: text)
    probe = try await loop.submit {
      let generations = Generations(root: root)
      generations.heads = heads
      let kin = Kin(root: root, includesRoot: true, generations: generations) { _ in }
      let factory = try ProbeFactory(
        listeners: listeners, version: "1.2.3", runner: runner, kin: kin)
      return NIOLoopBound(
        try factory.makeProbe(for: check, generation: generation), eventLoop: loop)
    }.get()
  }

  init(_ make: @escaping @Sendable () -> any Probe) async throws {
    probe = try await loop.submit { NIOLoopBound(make(), eventLoop: loop) }.get()
  }

  /// - Returns: the result; how late a timeout was noticed is the machine's affair, and left out.
  func run(timeout: TimeAmount = .seconds(10)) async -> ProbeResult {
    let result = await withCheckedContinuation { continuation in
      loop.execute {
        _ = probe.value.start(on: loop, timeout: timeout) { continuation.resume(returning: $0) }
      }
    }
    return result
  }

  /// Begins a probe and cancels it after `turns` of the loop.
  ///
  /// - Returns: whether `done` was called all the same, up to 20 turns later.
  func runAndCancel(afterTurns turns: Int) async throws -> Bool {
    try await loop.flatSubmit {
      let called = NIOLoopBoundBox(false, eventLoop: loop)
      let run = NIOLoopBound(
        probe.value.start(on: loop, timeout: .seconds(10)) { _ in called.value = true },
        eventLoop: loop)
      return after(turns) {
        run.value.cancel()
        run.value.cancel()
      }.flatMap { after(20) {} }.map { called.value }
    }.get()
  }
}

extension Prober {
  /// Begins a probe and cancels it in the same breath.
  func cancelAtOnce() async throws {
    try await loop.submit {
      probe.value.start(on: loop, timeout: .seconds(10)) { _ in }.cancel()
    }.get()
  }
}

/// Calls the function after so many turns of the loop, with time for I/O in each.
private func after(_ turns: Int, _ body: @escaping @Sendable () -> Void) -> EventLoopFuture<Void> {
  if turns == 0 {
    body()
    return loop.makeSucceededVoidFuture()
  }
  return loop.scheduleTask(in: .milliseconds(1)) {}.futureResult.flatMap { after(turns - 1, body) }
}

/// How many descriptors this process has open.
func openDescriptors() -> Int {
  guard let directory = opendir("/proc/self/fd") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}

/// Begins a connection and does not wait for it.
func connectingSocket(to port: Int) -> CInt {
  let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
  let descriptor = socket(AF_INET, type, 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(port).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  _ = withUnsafePointer(to: address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  return descriptor
}

/// A name for a Unix socket that nobody else uses.
func socketPath() -> String {
  "/tmp/vouch-checks-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
}

/// What was said of the look at other processes.
final class Notices: Sendable {
  private let texts = Mutex<[String]>([])
  func add(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}
