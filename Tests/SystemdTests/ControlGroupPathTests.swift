import Testing

@testable import Systemd

@Suite struct ControlGroupPathTests {
  @Test(
    "the own service is the innermost one of the path",
    arguments: [
      ("0::/system.slice/foo.service", "foo.service", false),
      ("0::/system.slice/system-foo.slice/foo@1.service/control", "foo@1.service", false),
      ("0::/system.slice/_cgroup.service", "cgroup.service", false),
      (
        "0::/user.slice/user-7.slice/user@7.service/app.slice/foo.service", "foo.service", true
      ),
      ("0::/system.slice/docker.service/xyz/system.slice/foo.service", "foo.service", false),
      ("9:name=systemd:/system.slice/foo.service\n8:pids:/x.service\n0::/", "foo.service", false),
      ("9:name=systemd:/\n1:cpu:/\n0::/system.slice/foo.service", "foo.service", false),
    ] as [(String, String, Bool)])
  func found(text: String, service: String, isUser: Bool) throws {
    let own = try #require(ControlGroupPath.service(in: text + "\n"))
    #expect(own.service == service)
    #expect(own.isUser == isUser)
  }

  @Test(
    "what is no service has none",
    arguments: [
      "", "0::/", "0::/user.slice/user-7.slice/session-1.scope", "8:pids:/system.slice/x.service",
      "0::/user.slice/user-7.slice/user@7.service/app.slice/foo.scope", "::", "foo.service",
    ])
  func none(text: String) { #expect(ControlGroupPath.service(in: text) == nil) }
}
