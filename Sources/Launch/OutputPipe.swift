import CLaunch
import SystemPackage

/// A pipe to read what a child writes. Both ends are close-on-exec, and both block: the end that
/// the child writes to must, since few programs expect EAGAIN from a standard stream. Each end has
/// an open file description of its own, so the reader may make its end non-blocking.
///
/// The caller closes its copy of the write end after the launch; the read end then tells the end
/// of file once the last process that holds the pipe is gone.
public struct OutputPipe: Sendable {
  public let readEnd: FileDescriptor
  public let writeEnd: FileDescriptor

  /// - Throws: the errno of pipe2(2), for one when no descriptor is left.
  public init() throws(Errno) {
    var ends: (CInt, CInt) = (-1, -1)
    let error = withUnsafeMutableBytes(of: &ends) { bytes in
      claunch_pipe(bytes.assumingMemoryBound(to: CInt.self).baseAddress)
    }
    guard error == 0 else { throw Errno(rawValue: error) }
    readEnd = FileDescriptor(rawValue: ends.0)
    writeEnd = FileDescriptor(rawValue: ends.1)
  }
}
