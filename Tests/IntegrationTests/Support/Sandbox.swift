import Foundation
import Glibc
import Synchronization
import Testing

/// A private real systemd (Tests/private-systemd), with vouch as /usr/bin/vouch in it.
struct Sandbox: Sendable {
  let directory: String

  /// Why there can be no sandbox here, or nil. Tests are skipped with it.
  static var isPossible: Bool { geteuid() == 0 }
  static let impossible: Comment = "integration tests boot a private systemd: run them as root"

  private static let booted = Task { try await boot() }

  /// The one that nearly all tests share; booted by the first, gone when the test process is.
  static var shared: Sandbox {
    get async throws { try await booted.value }
  }

  /// Boots one more, for tests that disturb the system itself. It ends with the body.
  static func withOwn<Result>(_ body: (Sandbox) async throws -> Result) async throws -> Result {
    let sandbox = try await boot()
    do {
      let result = try await body(sandbox)
      try await sandbox.end()
      return result
    } catch {
      try? await sandbox.end()
      throw error
    }
  }

  /// Runs a command inside.
  @discardableResult
  func run(_ command: [String], seconds: Int = 60) async throws -> CommandResult {
    try await IntegrationTests.run(
      [Places.privateSystemd, "in", directory] + command, seconds: seconds)
  }

  /// Runs a line of shell inside.
  @discardableResult
  func shell(_ line: String, seconds: Int = 60) async throws -> CommandResult {
    try await run(["/bin/sh", "-c", line], seconds: seconds)
  }

  private static func boot() async throws -> Sandbox {
    let sandbox = Sandbox(
      directory: FileManager.default.temporaryDirectory
        .appending(path: "vouch-sandbox-\(getpid())-\(UUID().uuidString)").path())
    var command = [
      Places.privateSystemd, "up", sandbox.directory, "--root", Places.sandboxRoot,
      // Nothing stays behind even if this process is killed.
      "--for", String(getpid()),
      "--bind", Places.vouch + ":" + Places.Inside.vouch,
      "--bind", Places.units + ":" + Places.Inside.units,
      "--bind", Places.fixtures + ":" + Places.Inside.fixtures,
    ]
    if let toolchain = swiftLibraries {
      command += ["--bind", toolchain]
    }
    let result = try await IntegrationTests.run(command)
    try #require(result.succeeded, "\(result)")
    endAtExit.withLock { $0.append(sandbox.directory) }
    _ = registerExitHandler
    try await sandbox.shell("mkdir -m 1777 \(Places.Inside.scratch)")
    return sandbox
  }

  private func end() async throws {
    Self.endAtExit.withLock { $0.removeAll { $0 == directory } }
    let result = try await IntegrationTests.run([Places.privateSystemd, "down", directory])
    #expect(result.succeeded, "\(result)")
  }

  /// The folder of the Swift libraries that a dynamically linked vouch needs, if it is one.
  private static var swiftLibraries: String? {
    let result = try? runBlocking(["ldd", Places.vouch])
    let line = result?.output.split(separator: "\n").first { $0.contains("libswiftCore.so => /") }
    guard let path = line?.split(separator: " ").first(where: { $0.hasPrefix("/") }) else {
      return nil
    }
    return URL(filePath: String(path)).deletingLastPathComponent().path()
  }

  private static let endAtExit = Mutex<[String]>([])
  private static let registerExitHandler: Void = {
    atexit {
      for directory in Sandbox.endAtExit.withLock({ $0 }) {
        _ = try? runBlocking([Places.privateSystemd, "down", directory])
      }
    }
  }()
}

extension Sandbox {
  /// The booted systemd's version, 252 for instance.
  var systemdVersion: Int {
    get async throws {
      let words = try await run(["systemctl", "--version"]).output.split(separator: " ")
      return try #require(words.count > 1 ? Int(words[1]) : nil)
    }
  }
}
