import CLaunch
import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("The inbox of blocked signals")
struct SignalInboxTests {
  static func record(
    _ signal: CInt, code: Int32 = CLAUNCH_SI_USER, pid: UInt32 = 77, uid: UInt32 = 1000
  ) -> signalfd_siginfo {
    var record = signalfd_siginfo()
    record.ssi_signo = UInt32(signal)
    record.ssi_code = code
    record.ssi_pid = pid
    record.ssi_uid = uid
    return record
  }

  @Test("signals of every origin arrive once each, with their sender")
  func origins() throws {
    let outcome = try Harness.run(Harness.probe, "signals")
    #expect(
      outcome.lines == [
        "SIGHUP process self true", "SIGUSR1 process self true", "SIGTERM process self true",
        "queued 20",
        "SIGALRM kernel nobody true",
        "broken pipe",  // and no SIGPIPE of its own
        "SIGPIPE from child true",
        "nothing left true",
      ])
  }

  @Test("a record is the 128 bytes of signalfd(2)")
  func size() {
    #expect(SignalInbox.recordSize == 128)
  }

  @Test("whole records are read wherever they lie in memory, and what is left over is not")
  func parsing() {
    let records = [
      Self.record(SIGTERM), Self.record(SIGINT, code: CLAUNCH_SI_KERNEL, pid: 0, uid: 0),
      Self.record(SIGUSR2, code: CLAUNCH_SI_QUEUE), Self.record(SIGCHLD, code: 1),
    ]
    let bytes = records.withUnsafeBytes { Array($0) }
    let expected: [ReceivedSignal] = [
      .init(signal: .terminate, origin: .process, sender: ProcessID(rawValue: 77), uid: 1000),
      .init(signal: .interrupt, origin: .kernel, sender: nil, uid: 0),
      .init(signal: .user2, origin: .process, sender: ProcessID(rawValue: 77), uid: 1000),
      .init(signal: .child, origin: .other(1), sender: ProcessID(rawValue: 77), uid: 1000),
    ]
    for shift in 0..<9 {
      let shifted = [UInt8](repeating: 0xAA, count: shift) + bytes
      shifted.withUnsafeBytes { all in
        let rest = UnsafeRawBufferPointer(rebasing: all[shift...])
        #expect(SignalInbox.parse(bytes: rest) == expected)
        #expect(
          SignalInbox.parse(bytes: UnsafeRawBufferPointer(rebasing: rest.dropLast(1)))
            == expected.dropLast())
      }
    }
    #expect(SignalInbox.parse(bytes: UnsafeRawBufferPointer(start: nil, count: 0)).isEmpty)
  }

  @Test("a SIGPIPE of this process's own making is left out, another's is not")
  func brokenPipe() {
    let records = [
      Self.record(SIGPIPE, pid: UInt32(getpid())), Self.record(SIGPIPE),
      Self.record(SIGTERM, pid: UInt32(getpid())),
    ]
    let received = records.withUnsafeBytes { SignalInbox.parse(bytes: $0) }
    #expect(received.map(\.signal) == [.brokenPipe, .terminate])
    #expect(received.first?.sender?.rawValue == 77)
  }
}
