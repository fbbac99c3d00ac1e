import Glibc
import Testing

@testable import Systemd

@Suite struct UnitFilesTests {
  /// Folders in the place of /etc/systemd/system and /usr/lib/systemd/system.
  private final class Tree {
    let root: String
    var path: [String] { ["\(root)/etc", "\(root)/lib"] }
    private var made: [String] = []

    init() {
      var template = Array("/tmp/vouch-units-XXXXXX".utf8CString)
      root = String(cString: mkdtemp(&template))
      for directory in path { folder(directory) }
    }

    func folder(_ name: String) {
      if mkdir(name, 0o755) == 0 { made.append(name) }
    }

    func write(_ name: String, _ text: String) {
      let parts = name.split(separator: "/")
      if parts.count > 2 { folder("\(root)/\(parts[0])/\(parts[1])") }
      let file = fopen("\(root)/\(name)", "w")
      fputs(text, file)
      fclose(file)
      made.append("\(root)/\(name)")
    }

    deinit {
      for path in made.reversed() { remove(path) }
      rmdir(root)
    }

    func killMode(_ unit: String) -> String? {
      UnitFiles(path: path).service(unit, ["KillMode"]).map { $0["KillMode"] ?? "unset" }
    }
  }

  @Test("the file with precedence counts, and only its [Service]")
  func precedence() {
    let tree = Tree()
    #expect(tree.killMode("a.service") == nil)
    tree.write("lib/a.service", "[Unit]\nKillMode=none\n[Service]\nKillMode = mixed \n")
    #expect(tree.killMode("a.service") == "mixed")
    tree.write("etc/a.service", "[Service]\nExecStart=/x KillMode=mixed\n")
    #expect(tree.killMode("a.service") == "unset")
  }

  @Test("a key counts in its own section")
  func sections() {
    let tree = Tree()
    tree.write(
      "lib/a.service",
      "[Unit]\nStartLimitBurst=3\nRestart=no\n[Service]\nRestart=always\nStartLimitBurst=9\n"
        + "[Install]\nRestart=no\n")
    let values = UnitFiles(path: tree.path).service(
      "a.service", ["Restart"], ofUnit: ["StartLimitBurst"])
    #expect(values == ["Restart": "always", "StartLimitBurst": "3"])
  }

  @Test("drop-ins apply in the order of their names, and an empty value takes back")
  func dropIns() {
    let tree = Tree()
    tree.write("lib/a.service", "[Service]\nKillMode=process\n")
    tree.write("lib/a.service.d/50-x.conf", "[Service]\nKillMode=mixed\n")
    #expect(tree.killMode("a.service") == "mixed")
    tree.write("etc/a.service.d/60-y.conf", "[Service]\nKillMode=\n")
    #expect(tree.killMode("a.service") == "unset")
    tree.write("etc/a.service.d/60-y.conf", "# KillMode=none\n[Service]\nKillMode=\\\n  none\n")
    #expect(tree.killMode("a.service") == "none")
    tree.write("etc/a.service.d/50-x.conf", "")
    tree.write("etc/a.service.d/60-y.conf", "")
    #expect(tree.killMode("a.service") == "process", "the same name in /etc hides that in /lib")
  }

  @Test("an instance has its template's file and drop-ins, and those of its prefixes")
  func names() {
    let tree = Tree()
    tree.write("lib/web-app@.service", "[Service]\nKillMode=process\n")
    #expect(tree.killMode("web-app@one.service") == "process")
    tree.write("etc/web-.service.d/10.conf", "[Service]\nKillMode=mixed\n")
    #expect(tree.killMode("web-app@one.service") == "mixed")
    tree.write("etc/web-app@.service.d/20.conf", "[Service]\nKillMode=none\n")
    #expect(tree.killMode("web-app@one.service") == "none")
    tree.write("etc/web-app@one.service.d/30.conf", "[Service]\nKillMode=control-group\n")
    #expect(tree.killMode("web-app@one.service") == "control-group")
    #expect(tree.killMode("web-app@two.service") == "none")
  }
}
