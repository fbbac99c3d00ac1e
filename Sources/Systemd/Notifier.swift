import Glibc

/// The way to systemd's notification socket (sd_notify(3)).
///
/// sd_notify() itself opens a socket for each datagram and blocks while the manager's queue is full.
/// A supervisor can afford neither: without a descriptor left it could not say READY=1, and while it
/// blocks it forwards no signal. So the socket is opened once, and a datagram that is not taken at
/// once is the caller's to offer again.
public final class Notifier {
  private let descriptor: Int32
  private var address: sockaddr_un
  private let length: socklen_t

  public enum Problem: Error, Hashable, CustomStringConvertible {
    /// Neither an absolute path nor an abstract address, or longer than a socket address.
    case address(String)
    case socket(Int32)

    public var description: String {
      switch self {
      case .address(let text):
        "NOTIFY_SOCKET=\(text) is no Unix socket: systemd is told nothing"
      case .socket(let code):
        "no socket for notifications: \(String(cString: strerror(code)))"
      }
    }
  }

  /// - Parameter path: the value of NOTIFY_SOCKET: `/…`, or `@…` for the abstract namespace.
  public init(socket path: String) throws(Problem) {
    var bytes = Array(path.utf8)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
      bytes.count > 1, bytes.count < MemoryLayout.size(ofValue: address.sun_path)
    else { throw .address(path) }
    if first == UInt8(ascii: "@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    // A path ends with its NUL; an abstract name has no end of its own (unix(7)).
    length = socklen_t(offset + bytes.count + (bytes[0] == 0 ? 0 : 1))
    self.address = address
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { throw .socket(errno) }
  }

  deinit { close(descriptor) }

  /// Sends one datagram of at most 4096 bytes (NOTIFY_BUFFER_MAX in systemd's src/core/manager.c),
  /// without waiting.
  ///
  /// - Returns: nil when systemd has it, else the errno: EAGAIN where its queue is full, ENOENT or
  ///   ECONNREFUSED where nobody is there to read.
  public func send(_ text: String) -> Int32? {
    var text = text
    let sent = text.withUTF8 { bytes in
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
          sendto(
            descriptor, bytes.baseAddress, bytes.count,
            Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), target, length)
        }
      }
    }
    return sent < 0 ? errno : nil
  }

  /// Sends one datagram with descriptors, of which the receiver gets copies (SCM_RIGHTS of unix(7)).
  ///
  /// - Parameter patience: how many seconds to wait for room in the queue; nil for not at all.
  /// - Returns: nil when it was taken, else the errno.
  public func send(_ text: String, descriptors: [Int32], patience: Int? = nil) -> Int32? {
    if let patience {
      var time = timeval(tv_sec: patience, tv_usec: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
    var text = text
    // CMSG_LEN and CMSG_SPACE of cmsg(3): a header, and data up to a whole word.
    let payload = descriptors.count * MemoryLayout<Int32>.size
    let word = MemoryLayout<Int>.size
    var control = [UInt8](
      repeating: 0,
      count: descriptors.isEmpty
        ? 0 : MemoryLayout<cmsghdr>.size + (payload + word - 1) / word * word)
    control.withUnsafeMutableBytes { control in
      guard !descriptors.isEmpty else { return }
      var header = cmsghdr()
      header.cmsg_len = MemoryLayout<cmsghdr>.size + payload
      header.cmsg_level = SOL_SOCKET
      header.cmsg_type = Int32(SCM_RIGHTS)
      control.storeBytes(of: header, as: cmsghdr.self)
      descriptors.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: control[MemoryLayout<cmsghdr>.size...])
          .copyMemory(from: $0)
      }
    }
    let sent = text.withUTF8 { bytes in
      control.withUnsafeMutableBytes { control in
        withUnsafeMutablePointer(to: &address) { target in
          var part = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
          return withUnsafeMutablePointer(to: &part) { part in
            var message = msghdr()
            message.msg_name = UnsafeMutableRawPointer(target)
            message.msg_namelen = length
            message.msg_iov = part
            message.msg_iovlen = 1
            message.msg_control = control.isEmpty ? nil : control.baseAddress
            message.msg_controllen = control.count
            return sendmsg(
              descriptor, &message,
              Int32(MSG_NOSIGNAL) | (patience == nil ? Int32(MSG_DONTWAIT) : 0))
          }
        }
      }
    }
    return sent < 0 ? errno : nil
  }
}
