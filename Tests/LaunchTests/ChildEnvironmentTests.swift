import Glibc
import Testing

@testable import Launch

@Suite("The environment as a value")
struct ChildEnvironmentTests {
  static func environment(_ entries: String...) -> ChildEnvironment {
    ChildEnvironment(entries: entries.map { Array($0.utf8) })
  }

  static func texts(_ environment: ChildEnvironment) -> [String] {
    environment.entries.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("the current environment is this process's, entry for entry")
  func current() throws {
    let path = getenv("PATH").map { String(cString: $0) }
    #expect(ChildEnvironment.current["PATH"].map { String(decoding: $0, as: UTF8.self) } == path)
    #expect(!ChildEnvironment.current.entries.isEmpty)
  }

  @Test("a variable is found by its whole name, and the first of two counts")
  func lookup() {
    let environment = Self.environment("AB=1", "A=2", "A=3", "C", "D=")
    #expect(environment["A"] == [0x32])
    #expect(environment["C"] == nil)
    #expect(environment["D"] == [])
    #expect(environment["B"] == nil)
  }

  @Test("removing takes every entry of a name, and no other")
  func removing() {
    let environment = Self.environment("A=1", "AB=2", "A=3", "a=4", "A", "B=A=1")
    #expect(Self.texts(environment.removing("A", "X")) == ["AB=2", "a=4", "A", "B=A=1"])
  }

  @Test("setting keeps a variable's place, and leaves one of it")
  func setting() {
    let environment = Self.environment("A=1", "B=2", "A=3")
    #expect(Self.texts(environment.setting("A", to: "x")) == ["A=x", "B=2"])
    #expect(Self.texts(environment.setting("B", to: "")) == ["A=1", "B=", "A=3"])
    #expect(Self.texts(environment.setting("C", to: "=")) == ["A=1", "B=2", "A=3", "C=="])
  }

  static let found = environment(
    "PATH=/bin", "LISTEN_PID=1", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=7", "WATCHDOG_USEC=1",
    "LISTEN_FDNAMES=a:b", "WATCHDOG_PID=1", "LISTEN_PIDFDID=9", "LISTEN_ADDRESS=mine", "HOME=/")

  @Test("without passed sockets nothing of systemd's protocols is left, and all else is")
  func withoutSockets() {
    let child = Self.found.forChild(passing: 0, names: [])
    #expect(Self.texts(child) == ["PATH=/bin", "LISTEN_ADDRESS=mine", "HOME=/"])
    #expect(!child.tellsListenPID)
  }

  @Test("with passed sockets their number and names are told, and the pid is left to the child")
  func withSockets() {
    let child = Self.found.forChild(passing: 3, names: ["web", "web", ""])
    #expect(
      Self.texts(child) == [
        "PATH=/bin", "LISTEN_ADDRESS=mine", "HOME=/", "LISTEN_FDS=3", "LISTEN_FDNAMES=web:web:",
      ])
    #expect(child.tellsListenPID)
  }

  @Test("names that were not told are not made up")
  func withoutNames() {
    let child = Self.found.forChild(passing: 2, names: nil)
    #expect(child["LISTEN_FDNAMES"] == nil)
    #expect(child["LISTEN_FDS"] == [0x32])
  }

  @Test("the child of a child without sockets does not get the pid's place either")
  func twice() {
    let child = Self.found.forChild(passing: 2, names: nil).forChild(passing: 0, names: nil)
    #expect(!child.tellsListenPID)
  }
}
