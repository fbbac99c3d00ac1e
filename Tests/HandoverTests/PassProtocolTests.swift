import Testing

@testable import Handover

@Suite("--pass") struct PassProtocolTests {
  @Test(
    "the protocols, and those that go together",
    arguments: [
      ([], .systemd), (["systemd"], .systemd), (["argv"], .descriptors([.arguments])),
      (["nginx"], .descriptors([.nginx])), (["php-fpm"], .descriptors([.phpFPM])),
      (["server-starter"], .descriptors([.serverStarter])),
      (["inetd"], .inetd), (["none"], .none), (["adopt"], .adopt),
      (["argv", "systemd"], .descriptors([.arguments, .systemd])),
      (["server-starter", "argv"], .descriptors([.serverStarter, .arguments])),
    ] as [([String], PassProtocol)])
  func protocols(values: [String], pass: PassProtocol) throws {
    #expect(try PassProtocol.parse(values) == pass)
  }

  @Test("several variables, beside a shortcut and systemd's own")
  func variables() throws {
    let pass = try PassProtocol.parse(["env:A={fd}", "nginx", "env:B=x=y", "systemd"])
    guard case .descriptors(let ways) = pass else {
      Issue.record("\(pass)")
      return
    }
    #expect(ways.map(\.description) == ["env:A=…", "nginx", "env:B=…", "systemd"])
  }

  @Test(
    "what is wrong is said, with what would be right",
    arguments: [
      (["ngnix"], "there are systemd, argv, env:NAME=TEMPLATE, nginx, php-fpm"),
      ([""], "no such protocol"), (["env"], "no such protocol"), (["Systemd"], "no such protocol"),
      (["env:"], "a variable and its value"), (["env:FD"], "a variable and its value"),
      (["env:={fd}"], "a variable and its value"), (["env:A{fd}=1"], "behind the ="),
      (["env:LISTEN_FDS={fds}"], "--pass systemd"), (["env:NOTIFY_SOCKET=x"], "vouch's own"),
      (["argv", "argv"], "given twice"), (["env:A=1", "env:A=2"], "given twice"),
      (["nginx", "env:NGINX=3;"], "given twice"),
      (["none", "systemd"], "--pass none: it stands alone, and there is --pass systemd"),
      (["argv", "inetd"], "--pass inetd: it stands alone, and there is --pass argv"),
      (["adopt", "none"], "--pass adopt: it stands alone, and there is --pass none"),
      (["inetd", "inetd"], "there is the same beside it"),
      (["nginx", "php-fpm"], "contradict each other"),
      (["server-starter", "nginx"], "--pass nginx and --pass server-starter contradict"),
    ])
  func mistakes(values: [String], says: String) throws {
    let error = #expect(throws: HandoverError.self) { try PassProtocol.parse(values) }
    #expect(error?.description.contains(says) == true, "\(String(describing: error))")
  }
}
