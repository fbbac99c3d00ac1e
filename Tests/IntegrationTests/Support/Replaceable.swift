import Testing

/// A service whose generations are told in a file what to do (Tests/fixtures/replaceable.py).
struct Replaceable {
  let service: Service
  let control: String
  let port: Int

  /// What the next generation does.
  func next(_ what: String) async throws {
    try await service.sandbox.shell("echo '\(what)' > \(control)")
  }
  func reload() async throws -> CommandResult { try await service.systemctl("reload") }
  func answer() async throws -> String {
    try await service.sandbox.run(["curl", "-s", "http://127.0.0.1:\(port)/"]).output.trimmed
  }
  /// Each line is a generation's number, its process, and what it met.
  func log() async throws -> [[String]] {
    try await service.sandbox.run(["cat", control + ".log"]).output.split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }
  }
  /// What the generation of this number met, in its order.
  func met(_ generation: Int) async throws -> [String] {
    try await log().filter { $0[0] == "\(generation)" }.map { $0[2] }
  }
  func process(_ generation: Int) async throws -> Int? {
    try await log().first { $0[0] == "\(generation)" }.flatMap { Int($0[1]) }
  }
  func isAlive(_ process: Int?) async throws -> Bool {
    guard let process else { return false }
    return try await service.sandbox.run(["test", "-d", "/proc/\(process)"]).succeeded
  }

  /// Runs the body with such a service, whose first generation is ready.
  static func with(
    _ name: String, vouch: String = "", _ settings: String...,
    body: (Replaceable) async throws -> Void
  ) async throws {
    let sandbox = try await Sandbox.shared
    let port = Service.freshPort()
    let control = Service.freshFile("replaceable")
    let text = serviceText(
      vouch: "--http / --interval 300ms --on-reload replace --listen 127.0.0.1:\(port) \(vouch)",
      child: "/usr/bin/python3 \(Places.Inside.fixtures)/replaceable.py \(control)",
      "ExecReload=\(Places.Inside.vouch) reload", "WatchdogSec=20", "Restart=no",
      settings.joined(separator: "\n"))
    try await sandbox.shell("echo ok > \(control)")
    try await sandbox.withService(name, text) { service in
      try await service.start()
      try await body(Replaceable(service: service, control: control, port: port))
    }
  }
}
