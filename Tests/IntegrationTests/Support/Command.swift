import Dispatch
import Foundation
import Glibc

/// What a finished command left behind.
struct CommandResult: Sendable, CustomStringConvertible {
  var command: [String]
  /// The exit status; 128 + the signal's number where a signal ended it, as a shell has it.
  var status: Int32
  var output: String
  var errors: String

  var succeeded: Bool { status == 0 }
  var description: String {
    "\(command.joined(separator: " ")) ended with \(status)\n\(output)\(errors)"
  }
}

enum CommandError: Error {
  case cannotStart(String, errno: Int32)
  case tookTooLong(String, seconds: Int, output: String)
  case statusLost(String)
}

/// Runs a command to its end, without a shell, standard input empty, both outputs collected.
/// Past `seconds` it is killed and `CommandError.tookTooLong` thrown. The wait happens on a Dispatch
/// thread, so that tests that wait do not keep others from running.
func run(_ command: [String], seconds: Int = 60) async throws -> CommandResult {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async {
      continuation.resume(with: Result { try runBlocking(command, seconds: seconds) })
    }
  }
}

/// The same for callers that are not asynchronous.
func runBlocking(_ command: [String], seconds: Int = 60) throws -> CommandResult {
  let line = command.joined(separator: " ")
  let output = try OutputPipe()
  let errors = try OutputPipe()
  let pid = try spawn(command, output: output.writeEnd, errors: errors.writeEnd)
  output.closeWriteEnd()
  errors.closeWriteEnd()
  let deadline = DispatchTime.now() + .seconds(seconds)
  let isFinished = collect([output, errors], until: deadline)
  if !isFinished { kill(pid, SIGKILL) }
  var raw: Int32 = 0
  while waitpid(pid, &raw, 0) < 0 {
    guard errno == EINTR else { throw CommandError.statusLost(line) }
  }
  guard isFinished else {
    throw CommandError.tookTooLong(line, seconds: seconds, output: output.text + errors.text)
  }
  let signal = raw & 0x7f
  return CommandResult(
    command: command, status: signal == 0 ? (raw >> 8) & 0xff : 128 + signal,
    output: output.text, errors: errors.text)
}

/// What a command writes to one of its outputs. A socket pair, because Glibc's module has no pipe2:
/// a plain pipe could be inherited by a child that another test starts at the same moment.
private final class OutputPipe {
  let readEnd: Int32
  let writeEnd: Int32
  private var bytes: [UInt8] = []
  private var isWriteEndOpen = true
  private(set) var isAtEnd = false

  var text: String { String(decoding: bytes, as: UTF8.self) }

  init() throws {
    var ends: [Int32] = [0, 0]
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue
    guard socketpair(AF_UNIX, Int32(type), 0, &ends) == 0 else {
      throw CommandError.cannotStart("socketpair", errno: errno)
    }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  func closeWriteEnd() {
    close(writeEnd)
    isWriteEndOpen = false
  }

  func readSome() {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = read(readEnd, &buffer, buffer.count)
    if count > 0 {
      bytes += buffer[..<count]
    } else if count == 0 || errno != EINTR {
      isAtEnd = true
    }
  }

  deinit {
    close(readEnd)
    if isWriteEndOpen { close(writeEnd) }
  }
}

/// Reads until both pipes are at their end; false once the deadline has passed.
private func collect(_ pipes: [OutputPipe], until deadline: DispatchTime) -> Bool {
  while true {
    let open = pipes.filter { !$0.isAtEnd }
    if open.isEmpty { return true }
    let now = DispatchTime.now()
    guard now < deadline else { return false }
    let milliseconds = (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1
    var polls = open.map { pollfd(fd: $0.readEnd, events: Int16(POLLIN), revents: 0) }
    guard poll(&polls, nfds_t(polls.count), Int32(milliseconds)) > 0 else { continue }
    for (pipe, result) in zip(open, polls) where result.revents != 0 { pipe.readSome() }
  }
}

private func spawn(_ command: [String], output: Int32, errors: Int32) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, output, 1)
  posix_spawn_file_actions_adddup2(&actions, errors, 2)
  // Dispatch's threads block every signal, and a child would inherit that.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var noSignals = sigset_t()
  sigemptyset(&noSignals)
  posix_spawnattr_setsigmask(&attributes, &noSignals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  let arguments = cStrings(command)
  let environment = cStrings(ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
  defer { for string in arguments + environment { free(string) } }
  var pid: pid_t = 0
  let code = posix_spawnp(&pid, command[0], &actions, &attributes, arguments, environment)
  guard code == 0 else { throw CommandError.cannotStart(command[0], errno: code) }
  return pid
}

private func cStrings(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
  strings.map { strdup($0) } + [nil]
}
