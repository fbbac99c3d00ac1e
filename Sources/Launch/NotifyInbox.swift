import CLaunch
import Glibc
import SystemPackage

/// The notify socket that vouch offers its child: NOTIFY_SOCKET of sd_notify(3), in the abstract
/// namespace, so that it needs no directory, reaches into a chroot, and ends with vouch.
///
/// Its datagrams raise SIGIO in this process, which arrives at a ``SignalInbox``: NIO has no way to
/// read ancillary data, and so neither a thread nor a poll of its own is needed. SIGIO merges while it
/// waits, so one may stand for many datagrams.
public final class NotifyInbox {
  /// What one datagram holds. Its descriptors are closed when the last reference to it goes, unless
  /// they were taken.
  public final class Letter {
    public let bytes: [UInt8]
    /// Whether the kernel cut it.
    public let isTruncated: Bool
    /// Whether descriptors did not come along, because this process has no number left for them.
    public let lostDescriptors: Bool
    /// The sender; nil where it is outside this pid namespace.
    public let sender: ProcessID?
    /// The sender's user, as this user namespace has it.
    public let user: uid_t
    /// Those that came along.
    public private(set) var descriptors: [FileDescriptor]
    /// The sender's pidfd, from Linux 6.5 on.
    let pidfd: FileDescriptor?

    init(
      bytes: [UInt8], isTruncated: Bool, lostDescriptors: Bool, sender: ProcessID?,
      user: uid_t, descriptors: [FileDescriptor],
      pidfd: FileDescriptor?
    ) {
      self.bytes = bytes
      self.isTruncated = isTruncated
      self.lostDescriptors = lostDescriptors
      self.sender = sender
      self.user = user
      self.descriptors = descriptors
      self.pidfd = pidfd
    }

    deinit {
      close()
      try? pidfd?.close()
    }

    /// Closes the descriptors that came along, which tells the sender of a BARRIER=1 that it was read.
    public func close() {
      for descriptor in descriptors { try? descriptor.close() }
      descriptors = []
    }

    /// Takes the descriptors that came along: they are the caller's to close.
    public func takeDescriptors() -> [FileDescriptor] {
      defer { descriptors = [] }
      return descriptors
    }

    /// Answers with a line on the first descriptor, without waiting.
    public func answer(_ line: String) {
      guard let descriptor = descriptors.first else { return }
      var line = line
      _ = line.withUTF8 {
        send(
          descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      }
    }
  }

  /// What its name begins with, by which `vouch beat` knows it.
  public static let prefix = "@vouch-notify/"

  /// The value for the child's NOTIFY_SOCKET.
  public let name: String
  private let descriptor: FileDescriptor
  private let datagram: UnsafeMutablePointer<claunch_datagram>
  private let buffer: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - size: the most bytes of a datagram.
  ///   - name: the address, in the abstract namespace and so with `@` in front; nil for one that
  ///     nobody can guess.
  /// - Throws: the errno of what failed, for one when no descriptor is left.
  public init(size: Int, name: String? = nil) throws(Errno) {
    self.name =
      name ?? Self.prefix + "\(getpid())/" + String(UInt64.random(in: 0 ... .max), radix: 16)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A leading NUL stands for the abstract namespace (unix(7)).
    let path = [0] + Array(self.name.utf8.dropFirst())
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        claunch_notify_open($0, socklen_t(offset + path.count))
      }
    }
    guard result >= 0 else { throw Errno(rawValue: -result) }
    descriptor = FileDescriptor(rawValue: result)
    datagram = .allocate(capacity: 1)
    buffer = .allocate(byteCount: size, alignment: 1)
  }

  deinit {
    try? descriptor.close()
    datagram.deallocate()
    buffer.deallocate()
  }

  /// The next datagram; nil where none waits. Never blocks.
  public func next() -> Letter? {
    guard
      claunch_notify_receive(descriptor.rawValue, buffer.baseAddress, buffer.count, datagram) == 0
    else { return nil }
    let count = Int(datagram.pointee.descriptor_count)
    let descriptors = withUnsafeBytes(of: &datagram.pointee.descriptors) {
      $0.bindMemory(to: CInt.self).prefix(count).map { FileDescriptor(rawValue: $0) }
    }
    let pid = datagram.pointee.pid
    let pidfd = datagram.pointee.pidfd
    return Letter(
      bytes: Array(buffer.prefix(datagram.pointee.length)),
      isTruncated: datagram.pointee.is_truncated,
      lostDescriptors: datagram.pointee.lost_descriptors,
      sender: pid > 0 ? ProcessID(rawValue: pid) : nil, user: datagram.pointee.uid,
      descriptors: descriptors,
      pidfd: pidfd >= 0 ? FileDescriptor(rawValue: pidfd) : nil)
  }

  /// Throws away what waits: it is of a child that is gone.
  public func discard() {
    while next() != nil {}
  }
}
