import Glibc

/// Where log lines go, without ever waiting for whoever reads them: a journal that has stopped must
/// not stop a supervisor.
///
/// Standard error is shared with the child, so its open file description stays as it is: O_NONBLOCK
/// there would break the child's output.
public final class LogOutput: @unchecked Sendable {
  private enum Way {
    /// A socket, the journal's above all: send(2) can refuse to wait for a single call.
    case socket(Int32)
    /// A pipe or a terminal, opened anew for us alone, with O_NONBLOCK.
    case own(Int32)
    /// A pipe or a terminal that cannot be opened anew, being another user's: written to only when
    /// it says that there is room.
    case shared(Int32)
    /// A file: it makes nobody wait.
    case file(Int32)
  }

  private let way: Way
  /// Lines that nobody took; told with the next one that is.
  private var lost = 0

  /// Not thread-safe: one thread writes.
  public convenience init(_ descriptor: Int32 = 2) { self.init(descriptor, reopens: true) }

  /// - Parameter reopens: false for a test of what is done where that is forbidden.
  init(_ descriptor: Int32, reopens: Bool) {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else {
      way = .file(descriptor)
      return
    }
    switch info.st_mode & S_IFMT {
    case S_IFSOCK: way = .socket(descriptor)
    case S_IFIFO, S_IFCHR:
      let own =
        !reopens
        ? -1 : open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
      way = own >= 0 ? .own(own) : .shared(descriptor)
    default: way = .file(descriptor)
    }
  }

  /// Writes a line, or drops it where that would mean to wait.
  public func write(_ line: String) {
    if lost > 0, put("vouch: \(lost) log lines were lost: nobody read them\n") { lost = 0 }
    if !put(line + "\n") { lost += 1 }
  }

  /// PIPE_BUF of pipe(7): a pipe that is writable takes so much without waiting.
  private static let pipeRoom = 4096

  private static func hasRoom(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLOUT) != 0
  }

  private func put(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      switch way {
      case .socket(let descriptor):
        send(
          descriptor, bytes.baseAddress, bytes.count,
          Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) == bytes.count
      case .shared(let descriptor):
        Self.hasRoom(descriptor)
          && Glibc.write(descriptor, bytes.baseAddress, min(bytes.count, Self.pipeRoom)) > 0
      case .own(let descriptor), .file(let descriptor):
        Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
      }
    }
  }
}
