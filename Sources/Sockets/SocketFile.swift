import CSocketDiag
import Glibc
import SocketNames

/// The file that a Unix socket is bound to.
enum SocketFile {
  enum State: Hashable {
    case gone
    /// Nobody has the socket open any more.
    case stale
    /// Somebody has, or it cannot be told.
    case alive
    case notASocket
  }

  /// What is at a path. Whether somebody is there only connect(2) tells, which never waits here.
  static func state(of path: String, _ kind: ListenAddress.Kind, _ name: SocketName) -> State {
    var status = stat()
    guard lstat(path, &status) == 0 else { return errno == ENOENT ? .gone : .alive }
    guard status.st_mode & S_IFMT == S_IFSOCK else { return .notASocket }
    let type = kind.type | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let client = socket(AF_UNIX, type, 0)
    guard client >= 0 else { return .alive }
    defer { close(client) }
    if name.with({ connect(client, $0, $1) }) == 0 { return .alive }
    switch errno {
    case ECONNREFUSED: return .stale
    case ENOENT: return .gone
    // EAGAIN: its queue is full. EPROTOTYPE: it is of another kind. EACCES: it is not for us to ask.
    default: return .alive
    }
  }

  /// Makes the folders of a path that are not there, as DirectoryMode= of systemd.socket(5) has them.
  /// Where that fails, bind(2) says why.
  static func makeFolders(of path: String) {
    let mask = umask(0o022)
    defer { umask(mask) }
    for index in path.indices.dropFirst() where path[index] == "/" {
      mkdir(String(path[..<index]), 0o755)
    }
  }

  /// Sets a socket's rights, where they are others and are ours to set. Never those of what a link
  /// leads to, which whoever may write to the folder could have put there.
  static func setMode(of path: String, _ mode: UInt32) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK,
      status.st_mode & 0o777 != mode
    else { return }
    fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW)
  }

  /// Whether the file at a path is this very socket.
  static func leads(_ path: String, to descriptor: Int32, _ address: ListenAddress) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
    // The kernel tells the files of listening stream sockets alone.
    guard address.kind == .stream, let files = files(of: path, UInt64(status.st_ino)) else {
      return true
    }
    if files.contains(where: \.is_same_file) {
      let own = csocketdiag_inode(descriptor)
      return files.contains { $0.is_same_file && $0.inode == own }
    }
    // The kernel's number of the file may not be that of stat(2) (overlayfs): ours listens.
    return state(of: path, address.kind, address.place.names[0]) != .stale
  }

  /// The listening sockets that have this file, or were bound under this path; nil where the kernel does
  /// not tell.
  private static func files(of path: String, _ file: UInt64) -> [csocketdiag_unix]? {
    let netlink = csocketdiag_open()
    guard netlink >= 0 else { return nil }
    defer { close(netlink) }
    let name = Array(path.utf8)
    var count = 0
    var code: CInt = 0
    let found = [csocketdiag_unix](unsafeUninitializedCapacity: 64) { buffer, initialized in
      buffer.initialize(repeating: csocketdiag_unix())
      code = csocketdiag_unix_listeners(
        netlink, name, name.count, file, buffer.baseAddress, buffer.count, &count)
      initialized = min(count, buffer.count)
    }
    return code == 0 ? found : nil
  }
}
