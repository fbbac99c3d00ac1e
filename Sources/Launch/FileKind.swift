import Glibc
import SystemPackage

/// What a path leads to, as far as running it goes.
enum FileKind {
  case regular
  case directory
  case other

  /// Follows symbolic links (stat(2)).
  static func of(_ path: [UInt8]) -> Result<FileKind, Errno> {
    var status = stat()
    guard stat(path.map(CChar.init(bitPattern:)) + [0], &status) == 0 else {
      return .failure(Errno(rawValue: errno))
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .success(.regular)
    case S_IFDIR: return .success(.directory)
    default: return .success(.other)
    }
  }
}

/// Whether this process may execute a regular file: asked of the kernel with the effective ids, as
/// execve(2) uses them, so that access lists and `noexec` mounts count.
func isExecutable(_ path: [UInt8]) -> Bool {
  faccessat(AT_FDCWD, path.map(CChar.init(bitPattern:)) + [0], X_OK, AT_EACCESS) == 0
}
