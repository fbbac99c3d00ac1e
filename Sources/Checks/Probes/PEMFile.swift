import Glibc

/// A file of certificates or keys that a check needs: what it holds, and whether that is still so.
struct PEMFile {
  /// What stat(2) tells of a file; another one means that it may hold something else.
  struct Version: Equatable {
    private let device: dev_t
    private let inode: ino_t
    private let size: off_t
    private let modified: [Int]
    private let changed: [Int]

    /// Nil where the file is not to be had.
    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      self.init(status)
    }

    fileprivate init(_ status: stat) {
      device = status.st_dev
      inode = status.st_ino
      size = status.st_size
      modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
      changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
  }

  /// More than any bundle of authorities has; in bytes.
  private static let sizeLimit = 4 << 20

  let bytes: [UInt8]
  let version: Version

  /// Reads a regular file; one on a local disk, as this happens on the loop.
  ///
  /// - Throws: `SpecError` with the path and the reason, to be put behind the key.
  init(_ path: String) throws(SpecError) {
    // Not to wait for a writer, should it be a FIFO.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw SpecError("\(shown(path)): \(words(for: errno))") }
    defer { close(descriptor) }
    // Before it is read: what changes from now on is seen at the next look.
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw SpecError("\(shown(path)): \(words(for: errno))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SpecError("\(shown(path)): it is not a regular file")
    }
    guard status.st_size <= Self.sizeLimit else {
      throw SpecError("\(shown(path)): it is larger than 4 MiB")
    }
    version = Version(status)
    var failure: CInt = 0
    bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      while count < buffer.count {
        let got = read(descriptor, buffer.baseAddress! + count, buffer.count - count)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { return }
        count += got
      }
    }
    if failure != 0 { throw SpecError("\(shown(path)): \(words(for: failure))") }
  }
}
