import Foundation
import Testing

extension UnderSystemd {
  /// The tests' own ground: Tests/private-systemd.
  @Suite("private-systemd") struct PrivateSystemd {
    @Test("is a running system with a journal, a bus and a network of its own")
    func complete() async throws {
      let sandbox = try await Sandbox.shared
      try await eventually("the system is up") {
        try await sandbox.run(["systemctl", "is-system-running"]).output
      } holds: {
        $0 == "running\n" || $0 == "degraded\n"
      }
      let bus = try await sandbox.run(["busctl", "--no-pager", "list"])
      #expect(bus.output.contains("org.freedesktop.systemd1"))
      let interfaces = try await sandbox.run(["cat", "/proc/net/dev"])
      #expect(interfaces.output.split(separator: "\n").filter { $0.contains(":") }.count == 1)
      #expect(try await sandbox.run(["cat", "/proc/1/comm"]).output == "systemd\n")
    }

    @Test("goes when the process that it is for goes, and leaves nothing behind")
    func goesWithItsOwner() async throws {
      let directory = FileManager.default.temporaryDirectory
        .appending(path: "vouch-owner-\(UUID().uuidString)").path()
      let script = """
        sleep 60 >/dev/null 2>&1 & owner=$!
        "$1" up "$2" --for $owner || exit 1
        cat "$2/keeper" "$2/pid"
        kill $owner
        """
      let result = try await run(
        ["/bin/bash", "-c", script, "bash", Places.privateSystemd, directory])
      try #require(result.succeeded, "\(result)")
      let pids = result.output.split(separator: "\n").map(String.init)
      try #require(pids.count == 2)
      try await eventually("the folder is gone") {
        FileManager.default.fileExists(atPath: directory)
      } holds: {
        !$0
      }
      // PID 1 is gone when the keeper removes the folder.
      let manager = try? String(contentsOfFile: "/proc/\(pids[1])/cmdline", encoding: .utf8)
      #expect(manager?.contains("sandbox.target") != true)
      let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)
      #expect(!mounts.contains(directory))
      let groups = try await run([
        "find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", "private-systemd.\(pids[0])",
      ])
      #expect(groups.output == "")
    }

    @Test(
      "says in one line what is wrong",
      arguments: [
        (["up"], "usage"), (["in", "/nonexistent", "true"], "no private systemd"),
        (["down", "/nonexistent"], "no private systemd"),
        (["up", "/nonexistent/x", "--root", "/proc"], "no systemd in /proc"),
        (["up", "/nonexistent/x", "--bind", "/nonexistent/y"], "does not exist"),
      ])
    func errors(arguments: [String], message: String) async throws {
      let result = try await run([Places.privateSystemd] + arguments)
      #expect(result.status == 1)
      #expect(result.errors.contains(message))
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }
}
