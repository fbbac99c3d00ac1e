import CLaunch
import SystemPackage

/// Where blocked signals arrive as events: a signalfd(2).
///
/// Standard signals of one number merge while they wait, so one SIGCHLD may stand for several
/// children: see ``Reaper/reapAll()``.
public struct SignalInbox: Sendable {
  /// The signalfd, non-blocking and close-on-exec. It becomes readable when a signal waits, and
  /// yields records of ``recordSize`` bytes.
  public let descriptor: FileDescriptor

  /// The size of one record in bytes: `struct signalfd_siginfo`.
  public static let recordSize = MemoryLayout<signalfd_siginfo>.size

  /// Opens an inbox for signals that are blocked already.
  ///
  /// - Parameter signals: what ``SignalState/block()`` gave.
  /// - Throws: the errno of signalfd(2), for one when no descriptor is left.
  public init(signals: UInt64) throws(Errno) {
    let result = claunch_signalfd(signals)
    guard result >= 0 else { throw Errno(rawValue: -result) }
    descriptor = FileDescriptor(rawValue: result)
  }

  /// Takes every signal that waits, in the order in which the kernel gives them. Never blocks.
  public func drain() -> [ReceivedSignal] {
    var received: [ReceivedSignal] = []
    withUnsafeTemporaryAllocation(byteCount: 16 * Self.recordSize, alignment: 8) { buffer in
      while let count = try? descriptor.read(into: buffer), count > 0 {
        received += Self.parse(bytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
    return received
  }

  /// Reads whole records, for one who reads the descriptor by other means. The kernel never splits
  /// a record; bytes after the last whole one are left out. A SIGPIPE of this process's own making
  /// is left out too: the write that raised it has told of it already.
  public static func parse(bytes: UnsafeRawBufferPointer) -> [ReceivedSignal] {
    stride(from: 0, through: bytes.count - recordSize, by: recordSize).compactMap { offset in
      let record = bytes.loadUnaligned(fromByteOffset: offset, as: signalfd_siginfo.self)
      guard let received = ReceivedSignal(record), !received.isOwnBrokenPipe else { return nil }
      return received
    }
  }

  /// Closes the descriptor, unless its ownership went elsewhere.
  public func close() {
    try? descriptor.close()
  }
}
