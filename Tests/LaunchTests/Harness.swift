import Glibc
import SystemPackage
import Testing

@testable import Launch

/// Testing has a type of this name, too.
typealias ExitStatus = Launch.ExitStatus

/// How a program that a test started ended, and what it wrote to its standard output.
struct Outcome {
  var process: ProcessID
  var status: ExitStatus
  var output: [UInt8]

  var text: String { String(decoding: output, as: UTF8.self) }
  var lines: [String] { text.split(separator: "\n").map(String.init) }
}

enum Harness {
  static let probe: String = {
    // The tests' own program lies beside it.
    let own = (try? FilePath(readLink("/proc/self/exe"))) ?? ""
    return own.removingLastComponent().appending("LaunchProbe").string
  }()

  /// A request for a program found through PATH, with the environment of the tests.
  static func request(_ words: String...) throws -> LaunchRequest {
    try request(words.map { Array($0.utf8) })
  }

  static func request(_ words: [[UInt8]]) throws -> LaunchRequest {
    let environment = ChildEnvironment.current
    let resolution = CommandResolver.resolve(words[0], searchPath: environment["PATH"])
    guard case .found(let paths) = resolution else {
      throw Unusable(what: String(decoding: words[0], as: UTF8.self))
    }
    return LaunchRequest(
      paths: paths, arguments: words, environment: environment, signals: SignalState())
  }

  /// The probe, told to stand before a program.
  static func throughProbe(_ options: [String] = [], _ words: String...) throws -> LaunchRequest {
    try request(([probe, "run"] + options + ["--"] + words).map { Array($0.utf8) })
  }

  /// Launches a program, collects its standard output until it is closed everywhere, reaps it.
  static func run(_ request: LaunchRequest) throws -> Outcome {
    var request = request
    let pipe = try OutputPipe()
    request.standardOutput = .descriptor(pipe.writeEnd)
    let process = try launch(request)
    try pipe.writeEnd.close()
    defer { try? pipe.readEnd.close() }
    do {
      let output = try read(pipe.readEnd)
      return Outcome(process: process, status: try reap(process), output: output)
    } catch {
      try? process.send(.kill)
      _ = try reap(process)
      throw error
    }
  }

  static func run(_ words: String...) throws -> Outcome {
    try run(request(words.map { Array($0.utf8) }))
  }

  /// Waits for one child. The tests of all suites share this process, so none may wait for "any".
  static func reap(_ process: ProcessID) throws -> ExitStatus {
    var status: CInt = 0
    guard waitpid(process.rawValue, &status, 0) == process.rawValue else {
      throw Errno(rawValue: errno)
    }
    return ExitStatus(waitStatus: status)
  }

  /// Reads until the end, or until `enough` bytes are there. Fails if nothing happens for long.
  static func read(_ descriptor: FileDescriptor, enough: Int = .max) throws -> [UInt8] {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while output.count < enough {
      var waiting = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 20_000) != 0 else { throw Unusable(what: "silence") }
      let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
      if count == 0 { break }
      output += buffer[..<count]
    }
    return output
  }

  static func readLink(_ path: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink(path, &buffer, buffer.count)
    guard length >= 0 else { throw Errno(rawValue: errno) }
    return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  struct Unusable: Error, CustomStringConvertible {
    var what: String
    var description: String { "cannot go on: \(what)" }
  }
}

extension OutputPipe {
  func close() {
    try? readEnd.close()
    try? writeEnd.close()
  }
}

/// A directory that lasts as long as a test.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(parent)/launch-tests-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  defer { _ = try? Harness.run("rm", "-rf", path) }
  return try body(path)
}

/// Makes a file of this content and mode.
func makeFile(_ path: String, _ content: String, mode: FilePermissions) throws {
  let file = try FileDescriptor.open(
    FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: mode)
  try file.closeAfter { _ = try file.writeAll(content.utf8) }
  guard chmod(path, mode.rawValue) == 0 else { throw Errno(rawValue: errno) }
}
