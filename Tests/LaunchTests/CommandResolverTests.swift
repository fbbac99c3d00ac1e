import Glibc
import SystemPackage
import Testing

@testable import Launch

@Suite("Finding a command")
struct CommandResolverTests {
  static func resolve(_ command: String, path: String?) -> CommandResolution {
    CommandResolver.resolve(Array(command.utf8), searchPath: path.map { Array($0.utf8) })
  }

  static func found(_ paths: String...) -> CommandResolution {
    .found(paths.map { Array($0.utf8) })
  }

  @Test("a name with a slash is taken as it is, whatever PATH says")
  func slash() {
    #expect(Self.resolve("/bin/sh", path: "/nowhere") == Self.found("/bin/sh"))
    #expect(Self.resolve("/bin//sh", path: nil) == Self.found("/bin//sh"))
    #expect(Self.resolve("/../bin/sh", path: "") == Self.found("/../bin/sh"))
  }

  @Test("each directory of PATH is tried in order")
  func order() throws {
    try withTemporaryDirectory { directory in
      for name in ["a", "b"] {
        #expect(mkdir("\(directory)/\(name)", 0o755) == 0)
        try makeFile("\(directory)/\(name)/tool", "", mode: .init(rawValue: 0o755))
      }
      let path = "/nowhere:\(directory)/b:/dev/null:\(directory)/a"
      #expect(
        Self.resolve("tool", path: path)
          == Self.found("\(directory)/b/tool", "\(directory)/a/tool"))
    }
  }

  @Test("an unset PATH means glibc's default")
  func unset() {
    #expect(Self.resolve("sh", path: nil) == Self.found("/bin/sh", "/usr/bin/sh"))
  }

  @Test("an empty element is the current directory", arguments: ["", ":/nowhere", "/nowhere:"])
  func emptyElement(path: String) throws {
    // The tests share one current directory, so a process of its own looks from another.
    try withTemporaryDirectory { directory in
      try makeFile("\(directory)/tool", "#!/bin/sh\necho here", mode: .init(rawValue: 0o755))
      let outcome = try Harness.run(
        "sh", "-c", "cd \"$1\"; export PATH=\"$2\"; exec \"$0\" run -- tool", Harness.probe,
        directory, path)
      #expect(outcome.lines == ["here"])
    }
  }

  @Test("what is not there is not found: 127", arguments: ["", "no-such-command", "/no/such/file"])
  func notFound(command: String) {
    #expect(Self.resolve(command, path: "/bin:/usr/bin") == .notFound)
    #expect(Self.resolve(command, path: "/bin:/usr/bin").exitCode == 127)
  }

  @Test("a path through a file is not found: 127")
  func throughFile() {
    #expect(Self.resolve("/bin/sh/x", path: nil) == .notFound)
  }

  @Test("what cannot be run is told with its reason: 126")
  func notExecutable() throws {
    try withTemporaryDirectory { directory in
      try makeFile("\(directory)/plain", "", mode: .init(rawValue: 0o644))
      #expect(symlink("loop", "\(directory)/loop") == 0)
      let cases = [
        (directory, "it is a directory"), ("/dev/null", "it is not a regular file"),
        ("\(directory)/plain", "Permission denied"),
        ("\(directory)/loop", "Too many levels of symbolic links"),
        ("/" + String(repeating: "x", count: 300), "File name too long"),
      ]
      for (path, reason) in cases {
        let resolution = Self.resolve(path, path: nil)
        #expect(resolution == .notExecutable(path: Array(path.utf8), reason: reason))
        #expect(resolution.exitCode == 126)
      }
    }
  }

  @Test("a file that cannot be run does not hide one later in PATH, but is told if there is none")
  func laterInPath() throws {
    try withTemporaryDirectory { directory in
      try makeFile("\(directory)/sh", "", mode: .init(rawValue: 0o644))
      #expect(Self.resolve("sh", path: "\(directory):/bin") == Self.found("/bin/sh"))
      #expect(Self.resolve("sh", path: "\(directory):/nowhere").exitCode == 126)
    }
  }

  @Test("a name need not be UTF-8")
  func bytes() {
    #expect(CommandResolver.resolve([0x2F, 0xFF, 0xFE], searchPath: nil) == .notFound)
  }
}
