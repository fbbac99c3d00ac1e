import Glibc
import SystemPackage

/// This process's own descriptors 0, 1 and 2.
public enum StandardStreams {
  /// Opens /dev/null for each of 0, 1 and 2 that is closed. Otherwise the next descriptor opened
  /// for something else, a socket say, would take the number, and log lines would be written to
  /// it. To be called before anything else is opened.
  ///
  /// - Throws: the errno of open(2).
  public static func fillGaps() throws(Errno) {
    for number: CInt in 0...2 where !isOpen(number) {
      // open takes the lowest free number, which is this one: those below are open by now.
      try openDevNull(closeOnExec: false)
    }
  }

  private static func isOpen(_ number: CInt) -> Bool {
    fcntl(number, F_GETFD) >= 0
  }
}

@discardableResult
func openDevNull(closeOnExec: Bool) throws(Errno) -> FileDescriptor {
  do {
    let options: FileDescriptor.OpenOptions = closeOnExec ? .closeOnExec : []
    return try FileDescriptor.open("/dev/null", .readWrite, options: options)
  } catch {
    throw error as? Errno ?? .ioError
  }
}
