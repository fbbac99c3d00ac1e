import CAdopt
import Glibc
import SocketNames

/// A passed socket that programs may get in place of their own, as it was when vouch got it.
struct AdoptedSocket: Sendable {
  /// vouch's own.
  let descriptor: CInt
  let name: String
  /// Its kind and address, as a program would ask for it.
  let wish: BindWish
  /// What /proc calls it.
  let inode: UInt64
  let options: OptionValues
  /// Its listen queue's length, 0 where that is not known.
  let backlog: UInt32

  /// - Returns: nil for what is no bound socket.
  init?(descriptor: CInt, name: String) {
    guard let address = BindAddress(of: descriptor), let inode = Self.inode(of: descriptor),
      let wish = BindWish(address, socket: descriptor)
    else { return nil }
    if case .other = address { return nil }
    self.descriptor = descriptor
    self.name = name
    self.wish = wish
    self.inode = inode
    options = OptionValues(of: descriptor)
    backlog =
      UnixQueue.name(address).map { UnixQueue.backlog($0, inode: inode) }
      ?? Self.backlog(of: descriptor)
  }

  /// Whether it takes connections.
  var listens: Bool { socketOption(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1 }

  /// Whether a file is its name.
  var hasPath: Bool { if case .path = wish.address { true } else { false } }

  /// The inode of a socket; nil for anything else.
  static func inode(of descriptor: CInt) -> UInt64? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return UInt64(status.st_ino)
  }

  /// Of a listening TCP socket the kernel tells it in the field that counts lost segments otherwise
  /// (tcp_get_info of net/ipv4/tcp.c).
  private static func backlog(of descriptor: CInt) -> UInt32 {
    guard socketOption(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1 else { return 0 }
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    guard getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return 0 }
    return info.tcpi_sacked
  }

  /// Listens with the longer of two queues: a listen(2) on a socket that listens already would change
  /// the queue, which is everybody's. On one that was shut down it begins anew.
  ///
  /// - Parameter theirs: as listen(2) takes it: a negative one is the longest there may be.
  /// - Returns: 0 or an errno.
  func listen(theirs: CInt) -> CInt {
    let longest = max(UInt32(bitPattern: theirs), backlog)
    return Glibc.listen(descriptor, CInt(clamping: longest)) == 0 ? 0 : errno
  }

  /// Makes the flags of the open file description, and its options, what the program's own socket had.
  ///
  /// - Parameters:
  ///   - socket: a copy of the program's.
  ///   - isFirst: whether this is the first process of its generation, so that what a former one has
  ///     left is to go.
  func takeAfter(_ socket: CInt, nonblocking: Bool, isFirst: Bool) {
    let flags = fcntl(descriptor, F_GETFL)
    if flags >= 0, (flags & O_NONBLOCK != 0) != nonblocking {
      _ = fcntl(descriptor, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)
    }
    guard let domain = socketOption(socket, SOL_SOCKET, SO_DOMAIN),
      let type = socketOption(socket, SOL_SOCKET, SO_TYPE),
      let proto = socketOption(socket, SOL_SOCKET, SO_PROTOCOL)
    else { return }
    let fresh = Glibc.socket(domain, type | CInt(SOCK_CLOEXEC.rawValue), proto)
    // Without one to compare with, nothing is known to be the program's doing.
    guard fresh >= 0 else { return }
    defer { close(fresh) }
    let settings = OptionValues.carried(
      theirs: OptionValues(of: socket), fresh: OptionValues(of: fresh),
      handed: isFirst ? options : nil, current: OptionValues(of: descriptor))
    for (option, value) in settings { option.write(value, descriptor) }
  }
}
