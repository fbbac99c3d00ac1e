import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("The signal state that a program finds")
struct SignalStateTests {
  static func bits(_ signals: CInt...) -> UInt64 {
    signals.reduce(0) { $0 | 1 << UInt64($1 - 1) }
  }

  static let everything = UInt64.max & ~bits(SIGKILL, SIGSTOP)

  static let states = [
    SignalState(),
    SignalState(ignored: bits(SIGPIPE)),
    SignalState(ignored: bits(SIGCHLD)),
    SignalState(blocked: bits(SIGUSR1), ignored: bits(SIGHUP, SIGINT, SIGQUIT)),
    SignalState(blocked: bits(SIGTERM, SIGCHLD, 33, 64), ignored: bits(32, 34, SIGSEGV)),
    SignalState(blocked: everything, ignored: everything),
  ]

  /// The mask, ignored and caught signals that a program says it was started with.
  static func found(_ request: LaunchRequest) throws -> [String: UInt64] {
    var found: [String: UInt64] = [:]
    for line in try Harness.run(request).lines {
      let parts = line.split(separator: ":\t").map(String.init)
      guard parts.count == 2, ["SigBlk", "SigIgn", "SigCgt"].contains(parts[0]) else { continue }
      found[parts[0]] = UInt64(parts[1], radix: 16)
    }
    return found
  }

  @Test("mask and ignored signals are as the request says, none is caught", arguments: states)
  func direct(state: SignalState) throws {
    var request = try Harness.request("cat", "/proc/self/status")
    request.signals = state
    #expect(
      try Self.found(request)
        == ["SigBlk": state.blocked, "SigIgn": state.ignored, "SigCgt": 0])
  }

  @Test(
    "a program that blocks, ignores and resets signals for itself hands on what it was given",
    arguments: states)
  func throughProbe(state: SignalState) throws {
    var request = try Harness.throughProbe([], "cat", "/proc/self/status")
    request.signals = state
    #expect(
      try Self.found(request)
        == ["SigBlk": state.blocked, "SigIgn": state.ignored, "SigCgt": 0])
  }

  @Test("a child's status is seen although SIGCHLD was inherited as ignored")
  func ignoredChildSignal() throws {
    var request = try Harness.throughProbe([], "sh", "-c", "exit 42")
    request.signals = SignalState(ignored: Self.bits(SIGCHLD))
    #expect(try Harness.run(request).status == .exited(42))
  }

  @Test("all signals are blocked but those of faults, those that cannot be, and glibc's own")
  func blocked() throws {
    let open = Self.bits(
      SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP, 32, 33)
    let line = try #require(try Harness.run(Harness.probe, "block").lines.first)
    #expect(line == "\(~open) true")
  }
}
