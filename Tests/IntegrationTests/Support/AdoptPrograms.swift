import Testing

/// The programs of Tests/fixtures/adopt that are compiled, built once inside the sandbox.
enum AdoptPrograms {
  static let folder = Places.Inside.scratch + "/adopt"

  /// - Returns: when they are there.
  static func build(in sandbox: Sandbox) async throws {
    let fixtures = Places.Inside.fixtures + "/adopt"
    let result = try await sandbox.shell(
      """
      set -e
      [ ! -e \(folder)/ready ] || exit 0
      mkdir -p \(folder)
      cd \(folder)
      # Without cgo: static, and its system calls are Go's own.
      GOCACHE=\(folder)/cache CGO_ENABLED=0 /usr/bin/go build -o go-server \(fixtures)/server.go
      javac -d . \(fixtures)/*.java
      touch ready
      """, seconds: 110)
    try #require(result.succeeded, "\(result)")
  }
}
