import CAdopt
import Glibc

/// The thread that waits in a system call, and what may be read of its process. What is read holds only
/// if the call still waits afterwards: the number may be another's by then.
struct Asker {
  let thread: pid_t

  /// Memory at an address.
  func read(_ address: UInt64, _ length: Int) -> Result<[UInt8], Failure> {
    var error: CInt = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
      error = cadopt_read(thread, address, buffer.baseAddress, length)
      initialized = error == 0 ? length : 0
    }
    return error == 0 ? .success(bytes) : .failure(Failure(error))
  }

  /// A copy of one of its descriptors, the caller's to close.
  func copy(_ descriptor: CInt) -> Result<CInt, Failure> {
    var copy = cadopt_copy(thread, descriptor)
    // Only the first thread of a process has a pidfd before Linux 6.9. It may have ended, or have
    // other descriptors (unshare(2)), so that the thread itself is better.
    if [-EINVAL, -ENOENT].contains(copy) {
      errno = 0
      guard let process else { return .failure(Failure(errno == 0 ? -copy : errno)) }
      if process != thread { copy = cadopt_copy(process, descriptor) }
    }
    return copy >= 0 ? .success(copy) : .failure(Failure(-copy))
  }

  /// The process whose thread it is.
  var process: pid_t? { field("Tgid:", of: "/proc/\(thread)/status").flatMap { pid_t($0) } }

  /// The process, with its name.
  var described: AskingProcess {
    let process = process ?? thread
    // A process may call itself anything (PR_SET_NAME, prctl(2)), and this is told in one line.
    let name = Self.text("/proc/\(process)/comm").map { text in
      OneLine.of(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
    return AskingProcess(pid: process, name: name)
  }

  /// The flags of one of its descriptors: O_NONBLOCK, O_CLOEXEC, … (/proc/PID/fdinfo, proc(5)).
  func flags(_ descriptor: CInt) -> Result<CInt, Failure> {
    errno = 0
    guard let text = field("flags:", of: "/proc/\(thread)/fdinfo/\(descriptor)"),
      let flags = CInt(text, radix: 8)
    else { return .failure(Failure(errno == 0 ? EIO : errno)) }
    return .success(flags)
  }

  /// The inode of one of its sockets; nil for anything else.
  func socketInode(_ descriptor: CInt) -> UInt64? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer -> UInt64? in
      let length = readlink("/proc/\(thread)/fd/\(descriptor)", buffer.baseAddress!, buffer.count)
      guard length > 0 else { return nil }
      let text = String(
        decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
      return UInt64(text.dropFirst(8).dropLast())
    }
  }

  /// Why something could not be read.
  struct Failure: Error {
    var error: CInt
    init(_ error: CInt) { self.error = error }

    /// vouch, or the machine, is short of something, so that it may go well later.
    var isShortage: Bool { [EMFILE, ENFILE, ENOMEM, EAGAIN].contains(error) }
    /// vouch may not (ptrace(2)).
    var isDenied: Bool { [EPERM, EACCES].contains(error) }
    var text: String { errnoText(error) }
  }

  private func field(_ name: String, of path: String) -> String? {
    guard let text = Self.text(path) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      return line.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first.map(String.init)
    }
    return nil
  }

  private static func text(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 1) { buffer in
      let length = Glibc.read(file, buffer.baseAddress, buffer.count)
      return length > 0 ? String(decoding: buffer.prefix(length), as: UTF8.self) : nil
    }
  }
}
