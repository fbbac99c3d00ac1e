import Foundation
import Testing

/// What `make install` puts beside the program: the man page and the completions.
@Suite("man page and completions") struct InstallTests {
  private func file(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "vouch-install-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    do {
      try await body(folder)
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test("man/vouch.1 says what the argument parser says")
  func isCurrent() async throws {
    let fresh = try await run([Places.repository + "man/generate.py", Places.vouch])
    try #require(fresh.succeeded, "\(fresh)")
    let kept = try file(Places.repository + "man/vouch.1")
    #expect(fresh.output == kept, "man/vouch.1 is not up to date: run make man and commit it")
  }

  @Test("what is installed is all removed again")
  func installed() async throws {
    try await withFolder { folder in
      let make = [
        "make", "--no-print-directory", "-C", Places.repository, "-o", "build",
        "RELEASE=\(Places.vouch)", "PREFIX=/usr", "DESTDIR=\(folder)",
      ]
      let install = try await run(make + ["install"])
      try #require(install.succeeded, "\(install)")
      let share = folder + "/usr/share"
      #expect(try file(share + "/man/man1/vouch.1").contains("/usr/share/doc/vouch"))
      #expect(try file(share + "/bash-completion/completions/vouch").contains("complete "))
      #expect(try file(share + "/zsh/site-functions/_vouch").hasPrefix("#compdef vouch"))
      #expect(try file(share + "/fish/vendor_completions.d/vouch.fish").contains("complete "))
      let uninstall = try await run(make + ["uninstall"])
      try #require(uninstall.succeeded, "\(uninstall)")
      #expect(try await run(["find", folder, "-not", "-type", "d"]).output == "")
    }
  }

  @Test(
    "bash completes options, with and without run, their values, and the command behind --",
    arguments: [
      ("vouch ch", ["check"]),
      ("vouch check --wa", ["--wait"]),
      ("vouch --start-", ["--start-timeout"]),
      ("vouch run --start-", ["--start-timeout"]),
      ("vouch --http :80/ --on-rel", ["--on-reload"]),
      ("vouch --log-level no", ["notice"]),
      ("vouch rel", ["reload"]),
      ("vouch reload --p", ["--pid"]),
      ("vouch --on-reload re", ["replace"]),
      ("vouch --dr", ["--drain"]),
      ("vouch --exit", ["--exit-idle"]),
      ("vouch --lis", ["--listen"]),
      ("vouch --pass ad", ["adopt"]),
      ("vouch --pass n", ["nginx", "none"]),
      ("vouch --env-file /etc/nssw", ["/etc/nsswitch.conf"]),
      ("vouch --on-unhealthy tr", ["trigger"]),
      ("vouch --stop-signal SIGQ", ["SIGQUIT"]),
      ("vouch --no-check -- rmdi", ["rmdir"]),
      ("vouch --no-check -- cat /etc/nssw", ["/etc/nsswitch.conf"]),
      ("vouch check --start-", []),
    ])
  func bash(line: String, expected: [String]) async throws {
    try await withFolder { folder in
      let script = folder + "/vouch"
      let generate = try await run(
        [Places.repository + "completions/generate", Places.vouch, "bash"])
      try generate.output.write(toFile: script, atomically: false, encoding: .utf8)
      let result = try await run([
        "bash", "--norc", "-c",
        """
        PATH=/usr/bin:/bin
        . "$1"
        read -ra COMP_WORDS <<<"$2"
        COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _vouch vouch "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """, "bash", script, line,
      ])
      #expect(result.succeeded, "\(result)")
      #expect(result.errors == "")
      let replies = Set(result.output.split(separator: "\n").map(String.init))
      #expect(replies == Set(expected), "\(line)")
    }
  }

  private static let hasZsh = FileManager.default.isExecutableFile(atPath: "/usr/bin/zsh")
  private static let hasFish = FileManager.default.isExecutableFile(atPath: "/usr/bin/fish")

  @Test("zsh reads its completions", .enabled(if: hasZsh, "zsh is not installed"))
  func zsh() async throws {
    try await withFolder { folder in
      let generate = try await run(
        [Places.repository + "completions/generate", Places.vouch, "zsh"])
      #expect(generate.output.contains("_normal -p vouch"))
      try generate.output.write(toFile: folder + "/_vouch", atomically: false, encoding: .utf8)
      let result = try await run(["zsh", "-f", "-n", folder + "/_vouch"])
      #expect(result.succeeded && result.errors == "", "\(result)")
    }
  }

  @Test(
    "fish completes the same as bash", .enabled(if: hasFish, "fish is not installed"),
    arguments: [
      ("vouch ch", "check"),
      ("vouch check --wa", "--wait"),
      ("vouch --start-", "--start-timeout"),
      ("vouch --http :80/ --on-rel", "--on-reload"),
      ("vouch --log-level no", "notice"),
      ("vouch rel", "reload"),
      ("vouch reload --p", "--pid"),
      ("vouch --on-reload re", "replace"),
      ("vouch --dr", "--drain"),
      ("vouch --exit", "--exit-idle"),
      ("vouch --lis", "--listen"),
      ("vouch --pass ad", "adopt"),
      ("vouch --env-file /etc/nssw", "/etc/nsswitch.conf"),
      ("vouch --on-unhealthy tr", "trigger"),
      ("vouch --stop-signal SIGQ", "SIGQUIT"),
      ("vouch --no-check -- rmdi", "rmdir"),
      ("vouch --no-check -- cat /etc/nssw", "/etc/nsswitch.conf"),
    ])
  func fish(line: String, expected: String) async throws {
    try await withFolder { folder in
      let script = folder + "/vouch.fish"
      let generate = try await run(
        [Places.repository + "completions/generate", Places.vouch, "fish"])
      try generate.output.write(toFile: script, atomically: false, encoding: .utf8)
      let result = try await run([
        "env", "HOME=\(folder)", "fish", "--no-config", "-c",
        "source $argv[1]; complete -C $argv[2]", script, line,
      ])
      #expect(result.succeeded && result.errors == "", "\(result)")
      let replies = result.output.split(separator: "\n").map { $0.prefix { $0 != "\t" } }
      #expect(replies.contains { $0 == expected }, "\(result)")
    }
  }
}
