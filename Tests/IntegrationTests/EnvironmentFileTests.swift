import Foundation
import Testing

extension UnderSystemd {
  @Suite("--env-file and the starts of a child") struct EnvironmentFiles {
    struct Row: Decodable, Sendable, CustomTestStringConvertible {
      var text: String
      var testDescription: String { text.debugDescription }
    }

    static let rows =
      (try? JSONDecoder().decode(
        [Row].self,
        from: Data(contentsOf: URL(filePath: Places.fixtures + "/environment_files.json")))) ?? []

    @Test("gives the program what EnvironmentFile= of the booted systemd gives", arguments: rows)
    func sameAsSystemd(_ row: Row) async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("environment")
      try await sandbox.run(["/bin/sh", "-c", "printf '%s' \"$1\" > \(file)", "sh", row.text])
      let theirs = try await sandbox.run([
        "systemd-run", "--quiet", "--pipe", "--wait", "--property=EnvironmentFile=\(file)",
        "/usr/bin/env", "-0",
      ])
      let ours = try await sandbox.run([
        "/usr/bin/env", "-i", Places.Inside.vouch, "--no-check", "--log-level", "error",
        "--env-file", file, "--", "/usr/bin/env", "-0",
      ])
      func variables(_ result: CommandResult) -> [String] {
        result.output.split(separator: "\0").map(String.init).filter {
          $0.prefix { $0 != "=" }.utf8.count < 4
        }.sorted()
      }
      #expect(theirs.succeeded && ours.succeeded, "\(theirs)\(ours)")
      #expect(variables(ours) == variables(theirs))
    }

    @Test("every start reads the files anew, finds the command anew, and has a number")
    func generations() async throws {
      let sandbox = try await Sandbox.shared
      let room = Service.freshFile("generations")
      let log = "env > \(room)/$VOUCH_GENERATION; exec sleep infinity"
      try await sandbox.shell(
        """
        mkdir -p \(room)/old \(room)/new
        for place in old new; do
          printf '#!/bin/sh\\nPLACE=%s; export PLACE; \(log)\\n' $place > \(room)/$place/program
          chmod 755 \(room)/$place/program
        done
        echo 'PATH=\(room)/old:/usr/bin:/bin' > \(room)/environment
        echo 'COLOUR=red' >> \(room)/environment
        echo 'COLOUR=blue' > \(room)/second
        """)
      let text = serviceText(
        vouch: "--exec \"interval=100ms /usr/bin/test ! -e \(room)/sick\" --fall 1 "
          + "--on-unhealthy restart --env-file \(room)/environment --env-file \(room)/second "
          + "--env-file -\(room)/missing",
        child: "program", "WatchdogSec=20")
      try await sandbox.withService("generations", text) { service in
        try await service.start()
        let first = try await sandbox.run(["cat", room + "/1"]).output.split(separator: "\n")
        #expect(first.contains("PLACE=old") && first.contains("COLOUR=blue"), "\(first)")

        // A deploy: another program is found first, and the variables are others.
        try await sandbox.shell(
          "sed -i s/old/new/ \(room)/environment; echo COLOUR=green > \(room)/second; "
            + "touch \(room)/sick")
        try await eventually("the second generation runs") {
          try await sandbox.run(["cat", room + "/2"]).output
        } holds: {
          $0.contains("PLACE=new\n") && $0.contains("COLOUR=green\n")
        }
        try await sandbox.run(["rm", room + "/sick"])
        try await service.wait(for: "StatusText", "is healthy") { $0.hasPrefix("ready;") }

        // A file that is gone now is told, and the start tried again.
        try await sandbox.shell("mv \(room)/second \(room)/away; touch \(room)/sick")
        try await eventually("the log names the file") {
          try await service.journal()
        } holds: {
          $0.contains("--env-file \(room)/second: no such file")
        }
        try await sandbox.shell("mv \(room)/away \(room)/second; rm \(room)/sick")
        try await service.wait(for: "StatusText", "is healthy again") {
          $0.hasPrefix("ready;")
        }
      }
    }

    @Test(
      "a file that cannot be used is told before anything starts",
      arguments: [
        ("/nonexistent/file", "no such file"), ("/tmp", "it is no regular file"),
        ("/bin/true", "NUL"), ("", "a path is wanted"), ("-", "a path is wanted"),
      ])
    func mistakes(path: String, says: String) async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("started")
      let result = try await sandbox.run([
        Places.Inside.vouch, "--no-check", "--env-file", path, "--", "touch", file,
      ])
      #expect(result.status == 64, "\(result)")
      #expect(result.errors.contains(says) && result.errors.split(separator: "\n").count == 1)
      #expect(try await !sandbox.run(["test", "-e", file]).succeeded)
    }

    @Test("the longest variable that can be is passed on, and a longer one is named")
    func longest() async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("long")
      let vouch = "\(Places.Inside.vouch) --no-check --log-level error --env-file \(file) --"
      for (length, status) in [(131_066, 0), (131_067, 64)] {
        try await sandbox.shell(
          "{ printf LONG=; head -c \(length) /dev/zero | tr '\\0' x; } > \(file)")
        let result = try await sandbox.shell("\(vouch) sh -c 'echo ${#LONG}'")
        #expect(result.status == status, "\(result)")
        if status == 0 { #expect(result.output == "\(length)\n") }
        if status == 64 { #expect(result.errors.contains("LONG is too long"), "\(result)") }
      }
    }

    @Test("a file that the service's own user may not read is told of as such")
    func unreadable() async throws {
      let sandbox = try await Sandbox.shared
      let file = Service.freshFile("secret")
      try await sandbox.shell("echo A=b > \(file); chmod 600 \(file)")
      let result = try await sandbox.shell(
        "setpriv --reuid 65534 \(Places.Inside.vouch) --no-check --env-file \(file) -- true")
      #expect(result.status == 64)
      #expect(
        result.errors.contains("user 65534, as whom vouch runs, may not read it"), "\(result)")
    }
  }
}
