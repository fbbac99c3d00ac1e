import CSocketDiag
import Glibc

/// The listen queue of a Unix socket, which only sock_diag(7) tells.
enum UnixQueue {
  /// As in sun_path: an abstract name begins with NUL. Nil for other addresses.
  static func name(_ address: BindAddress) -> [UInt8]? {
    switch address {
    case .path(let path): path
    case .abstract(let name): [0] + name
    case .ip4, .ip6, .other: nil
    }
  }

  /// How many connections may wait. Where the kernel does not tell, as with RestrictAddressFamilies=
  /// without AF_NETLINK, the longest there may be, which is systemd's own default (Backlog= of
  /// systemd.socket(5)).
  static func backlog(_ name: [UInt8], inode: UInt64) -> UInt32 {
    let longest = UInt32(CInt.max)
    let netlink = csocketdiag_open()
    guard netlink >= 0 else { return longest }
    defer { close(netlink) }
    // More than one were bound under this name only if the path was removed in between.
    var found = [csocketdiag_unix](repeating: csocketdiag_unix(), count: 16)
    var count = 0
    let error = csocketdiag_unix_listeners(
      netlink, name, name.count, 0, &found, found.count, &count)
    guard error == 0 else { return longest }
    return found.prefix(count).first { UInt64($0.inode) == inode }?.backlog ?? longest
  }
}
