import Synchronization
import Testing

/// A unit inside the sandbox and what a test asks of it.
struct Service: Sendable {
  let sandbox: Sandbox
  let name: String

  /// A port that no other service of this test run has.
  static func freshPort() -> Int { nextPort.add(1, ordering: .relaxed).newValue }
  private static let nextPort = Atomic(20000)

  /// A path for a file that this test and its service share.
  static func freshFile(_ name: String) -> String {
    "\(Places.Inside.scratch)/\(name)-\(nextFile.add(1, ordering: .relaxed).newValue)"
  }
  private static let nextFile = Atomic(0)

  @discardableResult
  func systemctl(_ verb: String, _ arguments: String..., seconds: Int = 60) async throws
    -> CommandResult
  {
    try await sandbox.run(["systemctl", verb] + arguments + [name], seconds: seconds)
  }

  /// Starts it and waits until systemd takes it for started.
  func start(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let result = try await systemctl("start")
    if !result.succeeded {
      Issue.record("\(result)\n\(try await journal())", sourceLocation: sourceLocation)
      throw NeverCame()
    }
  }

  /// Starts it and expects systemd to report a failure.
  func expectStartFails(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let result = try await systemctl("start")
    #expect(!result.succeeded, "\(name) started", sourceLocation: sourceLocation)
  }

  /// Queues the start and does not wait.
  func beginStart() async throws { try await systemctl("start", "--no-block") }

  func stop() async throws { try await systemctl("stop") }

  /// One property, as `systemctl show` prints it.
  func property(_ property: String) async throws -> String {
    try await systemctl("show", "--property=\(property)", "--value").output.trimmed
  }

  var mainPID: Int { get async throws { Int(try await property("MainPID")) ?? 0 } }

  /// The processes in the unit's control group but the main one: the child and what it forked.
  var childPIDs: [Int] {
    get async throws {
      let group = try await property("ControlGroup")
      guard !group.isEmpty else { return [] }
      let main = try await mainPID
      let found = try await sandbox.shell("cat /sys/fs/cgroup\(group)/cgroup.procs 2>/dev/null")
      return found.output.split(separator: "\n").compactMap { Int($0) }.filter { $0 != main }
    }
  }

  var childPID: Int {
    get async throws {
      try await eventually("the child runs") {
        try await childPIDs
      } holds: {
        !$0.isEmpty
      }
      return try await childPIDs[0]
    }
  }

  /// All that the unit, and systemd about the unit, has logged.
  func journal() async throws -> String {
    try await sandbox.run(["journalctl", "--no-pager", "--output=short-monotonic", "--unit", name])
      .output
  }

  /// Waits until the unit has logged this: the journal takes in what was written some time after.
  func logged(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await eventually(
      "\(name) logs \"\(text)\"", sourceLocation: sourceLocation, seen: { try await journal() },
      holds: { $0.contains(text) })
  }

  /// Waits until a property is as wanted.
  func wait(
    for property: String, _ value: String, within seconds: Int = 30,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await wait(
      for: property, "= \(value)", within: seconds, sourceLocation: sourceLocation,
      where: { $0 == value })
  }

  func wait(
    for property: String, _ what: String, within seconds: Int = 30,
    sourceLocation: SourceLocation = #_sourceLocation, where condition: (String) -> Bool
  ) async throws {
    do {
      try await eventually(
        "\(name): \(property) \(what)", within: seconds, sourceLocation: sourceLocation,
        seen: { try await self.property(property) }, holds: condition)
    } catch {
      Issue.record("journal of \(name):\n\(try await journal())", sourceLocation: sourceLocation)
      throw error
    }
  }
}

extension Sandbox {
  /// Writes a unit file; an existing unit of that name must be reloaded by the caller.
  func install(_ name: String, _ text: String) async throws {
    let result = try await run([
      "/bin/sh", "-c", "printf '%s' \"$2\" > \"/run/systemd/system/$1\"", "sh", name, text,
    ])
    try #require(result.succeeded, "\(result)")
  }

  /// Makes a service, and stops it when the body is over. The name must be unique in the test run.
  /// An ended service stays loaded, so that its Result= can be read: an active target refers to it.
  func withService(
    _ name: String, _ text: String, _ body: (Service) async throws -> Void
  ) async throws {
    let service = Service(sandbox: self, name: name + ".service")
    let pin = name + "-pin.target"
    try await install(service.name, text)
    try await install(pin, "[Unit]\nDefaultDependencies=no\nAfter=\(service.name)\n")
    try await run(["systemctl", "start", pin])
    do {
      try await body(service)
    } catch {
      try? await remove(service, pin)
      throw error
    }
    try await remove(service, pin)
  }

  /// Ends a service without waiting for its own manners: the test is over.
  private func remove(_ service: Service, _ pin: String) async throws {
    let name = service.name
    try await shell(
      "systemctl stop --no-block \(name); systemctl kill --signal=KILL \(name);"
        + "systemctl stop \(name) \(pin); systemctl reset-failed \(name);"
        + "rm -f /run/systemd/system/\(name) /run/systemd/system/\(pin)")
  }
}

extension String {
  var trimmed: String {
    var text = Substring(self)
    while text.last?.isWhitespace == true { text.removeLast() }
    while text.first?.isWhitespace == true { text.removeFirst() }
    return String(text)
  }
}
