import Testing

@testable import Handover

@Suite("what the child gets") struct HandoverTests {
  static let tcp = HandedSocket(
    descriptor: 5, name: "web", address: .ip4(host: "127.0.0.1", port: 80))
  static let any4 = HandedSocket(
    descriptor: 4, name: "any", address: .ip4(host: "0.0.0.0", port: 81))
  static let any6 = HandedSocket(descriptor: 3, name: "six", address: .ip6(host: "::", port: 82))
  static let unix = HandedSocket(
    descriptor: 6, name: "app", address: .path(Array("/run/app.sock".utf8)))
  static let all = [tcp, any4, any6, unix]
  static let command = ["server", "{fd}", "{port:six}", "{\"a\":1}"]

  private func plan(
    _ pass: String..., sockets: [HandedSocket] = all, command: [String] = command
  ) throws -> Handover {
    try Handover.plan(
      PassProtocol.parse(pass), sockets: sockets, arguments: command.map { Array($0.utf8) })
  }

  private func texts(_ arguments: [[UInt8]]) -> [String] {
    arguments.map { String(decoding: $0, as: UTF8.self) }
  }

  private func variables(_ handover: Handover) -> [String] {
    handover.variables.map { "\($0.name)=" + String(decoding: $0.value, as: UTF8.self) }
  }

  /// A row: what `--pass` makes of the four sockets.
  struct Row: Sendable, CustomTestStringConvertible {
    var pass: [String]
    var descriptors: [Int32] = [5, 4, 3, 6]
    var listen = false
    var arguments = HandoverTests.command
    var variables: [String] = []
    var nonblocking: Bool?
    var testDescription: String { pass.joined(separator: " ") }
  }

  @Test(
    "the protocols, one by one",
    arguments: [
      Row(pass: [], listen: true),
      Row(pass: ["argv"], arguments: ["server", "3", "82", "{\"a\":1}"]),
      Row(
        pass: ["argv", "systemd"], listen: true, arguments: ["server", "3", "82", "{\"a\":1}"]),
      Row(pass: ["env:UNICORN_FD={fds}", "env:N=1"], variables: ["UNICORN_FD=3,4,5,6", "N=1"]),
      Row(pass: ["env:A={path:app}={port}"], variables: ["A=/run/app.sock=80"]),
      Row(pass: ["nginx"], variables: ["NGINX=3:4:5:6;"], nonblocking: true),
      Row(
        pass: ["php-fpm"],
        variables: ["FPM_SOCKETS=127.0.0.1:80=3,0.0.0.0:81=4,:::82=5,/run/app.sock=6"],
        nonblocking: false),
      Row(
        pass: ["server-starter"],
        variables: [
          "SERVER_STARTER_PORT=127.0.0.1:80=3;81=4;[::]:82=5;/run/app.sock=6",
          "SERVER_STARTER_GENERATION=1",
        ], nonblocking: false),
      Row(
        pass: ["env:A={fd}", "nginx", "systemd"], listen: true,
        variables: ["A=3", "NGINX=3:4:5:6;"], nonblocking: true),
      Row(pass: ["none"], descriptors: []),
      Row(pass: ["adopt"], descriptors: []),
    ])
  func rows(row: Row) throws {
    let handover = try Handover.plan(
      PassProtocol.parse(row.pass), sockets: Self.all,
      arguments: Self.command.map { Array($0.utf8) })
    #expect(handover.descriptors == row.descriptors)
    #expect(handover.standardInputAndOutput == nil)
    #expect(handover.setsListenVariables == row.listen)
    #expect(texts(handover.arguments) == row.arguments)
    #expect(variables(handover) == row.variables)
    #expect(handover.nonblocking == row.nonblocking)
  }

  @Test("inetd: the one socket as standard input and output, and nowhere else")
  func inetd() throws {
    let handover = try plan("inetd", sockets: [Self.unix])
    #expect(handover.standardInputAndOutput == 6)
    #expect(handover.descriptors == [])
    #expect(handover.setsListenVariables == false)
    #expect(texts(handover.arguments) == Self.command)
    #expect(handover.nonblocking == false)
  }

  @Test("one socket, for the conventions of several programs")
  func one() throws {
    #expect(variables(try plan("nginx", sockets: [Self.tcp])) == ["NGINX=3;"])
    #expect(variables(try plan("php-fpm", sockets: [Self.unix])) == ["FPM_SOCKETS=/run/app.sock=3"])
  }

  @Test("php-fpm removes the paths of its sockets, nobody else does")
  func removed() throws {
    #expect(try plan("php-fpm").removedPaths == [Array("/run/app.sock".utf8)])
    #expect(try plan("php-fpm", sockets: [Self.tcp]).removedPaths == [])
    #expect(try plan("nginx").removedPaths == [])
  }

  @Test("the command's own name is not looked at")
  func name() throws {
    let handover = try plan("argv", command: ["/srv/{fd}/server", "{fd}"])
    #expect(texts(handover.arguments) == ["/srv/{fd}/server", "3"])
  }

  @Test(
    "without sockets systemd's way, none and adopt hold, and the others are refused",
    arguments: [
      ("systemd", true), ("none", true), ("adopt", true), ("argv", false), ("env:A=3", false),
      ("nginx", false), ("php-fpm", false), ("server-starter", false), ("inetd", false),
    ])
  func empty(pass: String, holds: Bool) throws {
    if holds {
      #expect(try plan(pass, sockets: []).descriptors == [])
    } else {
      let error = #expect(throws: HandoverError.self) { try plan(pass, sockets: []) }
      #expect(error?.description.contains("--listen") == true)
      #expect(error?.description.hasPrefix("--pass \(pass.prefix(4))") == true)
    }
  }

  @Test("with argv and no placeholder in the arguments, or only a doubled one, something is wrong")
  func noPlaceholder() throws {
    for command in [["server"], ["{fd}"], ["server", "--port", "80"], ["server", "{{fd}}"]] {
      let error = #expect(throws: HandoverError.self) { try plan("argv", command: command) }
      #expect(error?.description.contains("{fd}, {fds}, {port}, {addr}, {path}") == true)
    }
  }

  @Test("a mistake says in which --pass it is")
  func mistakes() throws {
    let argv = #expect(throws: HandoverError.self) {
      try plan("argv", command: ["server", "{fd:no}"])
    }
    #expect(argv?.description.hasPrefix("--pass argv: {fd:no}: ") == true)
    let env = #expect(throws: HandoverError.self) { try plan("env:A={path}") }
    #expect(env?.description.hasPrefix("--pass env:A=…: {path}: 3 is no Unix socket") == true)
    let inetd = #expect(throws: HandoverError.self) { try plan("inetd") }
    #expect(inetd?.description.contains("there are 4: 3 is web (127.0.0.1:80)") == true)
  }

  @Test(
    "an address that a convention has no room for is refused",
    arguments: [
      ("php-fpm", .path(Array("/run/a,b".utf8))), ("php-fpm", .path(Array("/run/a=b".utf8))),
      ("php-fpm", .abstract(Array("a".utf8))), ("server-starter", .path(Array("/run/a;b".utf8))),
      ("server-starter", .other("a FIFO")),
    ] as [(String, HandedSocket.Address)])
  func noRoom(pass: String, address: HandedSocket.Address) {
    let socket = HandedSocket(descriptor: 3, name: "x", address: address)
    #expect(throws: HandoverError.self) { try plan(pass, sockets: [socket]) }
  }
}
