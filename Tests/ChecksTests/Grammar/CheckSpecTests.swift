import Testing

@testable import Checks

@Suite("SPEC")
struct CheckSpecTests {
  @Test("options stand before and after the target")
  func options() throws {
    let check = try CheckSpec.parse(
      kind: .http,
      text: "interval=2s /healthz timeout=500ms 'name=the app' fall=2 rise=4 gates=ready status=204"
    )
    #expect(check.name == "the app")
    #expect(check.derivedName == "http /healthz")
    #expect(check.interval == .seconds(2))
    #expect(check.timeout == .milliseconds(500))
    #expect(check.fall == 2)
    #expect(check.rise == 4)
    #expect(check.gates == .ready)
    #expect(check.probesPassedSocket)
    guard case .http(let spec) = check.probe else { return #expect(Bool(false)) }
    #expect(spec.expected.description == "204")
    #expect(spec.method == "GET")
  }

  @Test("what is not given is left to the defaults")
  func defaults() throws {
    let check = try CheckSpec.parse(kind: .tcp, text: ":8080")
    #expect(check.name == nil && check.interval == nil && check.timeout == nil)
    #expect(check.fall == nil && check.rise == nil && check.gates == nil)
    #expect(check.probe == .tcp(.loopback(port: 8080)))
    #expect(check.derivedName == "tcp :8080")
    #expect(!check.probesPassedSocket)
  }

  @Test(
    "in --exec everything from the command on is the command",
    arguments: [
      ("pg_isready", ["pg_isready"]),
      ("interval=1s pg_isready -h localhost", ["pg_isready", "-h", "localhost"]),
      ("name=db env timeout=5s true", ["env", "timeout=5s", "true"]),
      ("PGHOST=x true", ["PGHOST=x", "true"]),
      ("/bin/sh -c 'exit 0'", ["/bin/sh", "-c", "exit 0"]),
      ("true ''", ["true", ""]),
    ])
  func exec(text: String, command: [String]) throws {
    let check = try CheckSpec.parse(kind: .exec, text: text)
    #expect(check.probe == .exec(command))
    #expect(check.derivedName == "exec \(command[0])")
  }

  @Test(
    "only [a-z][a-z-]*= makes an option",
    arguments: [
      ("a=b", "a", "b"), ("a-b=c", "a-b", "c"), ("a=", "a", ""), ("a=b=c", "a", "b=c"),
      ("A=b", nil, nil), ("a1=b", nil, nil), ("-a=b", nil, nil), ("=b", nil, nil),
      ("ab", nil, nil), ("/a=b", nil, nil), ("a b=c", nil, nil),
    ] as [(String, String?, String?)])
  func option(word: String, key: String?, value: String?) {
    let option = SpecWords.option(word)
    #expect(option?.key == key)
    #expect(option?.value == value)
  }

  @Test("a query is no option")
  func query() throws {
    let check = try CheckSpec.parse(kind: .http, text: "/x?status=200")
    guard case .http(let spec) = check.probe else { return #expect(Bool(false)) }
    #expect(spec.target.path == "/x?status=200")
  }

  @Test(
    "a SPEC that is wrong says what and where",
    arguments: [
      (.http, "", "it names no target"),
      (.http, "status=200", "it names no target"),
      (.http, "/a /b", "\"/b\" is one target too many"),
      (
        .http, "/x statsu=200", "unknown key \"statsu\"; the keys are: status, method, header, body"
      ),
      (.http, "/x json=a", "it expects no value of a"),
      (.http, "/x peer=all", "peer=: \"all\" is neither child nor any"),
      (.http, "/x status=200 status=404", "status= is given twice"),
      (.http, "/x status=2xx", "status=: \"2xx\" is not a status"),
      (.http, "/x header=a", "header=: the header \"a\" has no colon"),
      (.http, "/x body='('", "body=: the regular expression is malformed"),
      (.http, "/x 'status=200", "a quote (') is not closed"),
      (.tcp, ":80 status=200", "unknown key \"status\"; the keys are: peer, name, interval"),
      (.tcp, "''", "it names no target"),
      (.exec, "", "it names no command"),
      (.exec, "timeout=1s", "it names no command"),
      (.exec, "'' a", "it names no command"),
      (.exec, "foo=1 true", "unknown key \"foo\""),
      (.tcp, ":80 interval=0", "interval=: \"0\" is too short: at least 1ms"),
      (.tcp, ":80 interval=999us", "too short"),
      (.tcp, ":80 timeout=infinity", "timeout=: \"infinity\" is not possible"),
      (.tcp, ":80 timeout=-1s", "negative"),
      (.tcp, ":80 fall=0", "fall=: \"0\" is not a count"),
      (.tcp, ":80 rise=1.5", "rise=: \"1.5\" is not a count"),
      (.tcp, ":80 rise=", "is not a count"),
      (.tcp, ":80 gates=never", "gates=: \"never\" is none of: ready, watchdog, both, none"),
      (.tcp, ":80 name=", "is not a name"),
      (.tcp, ":80 'name=a\nb'", "is not a name"),
    ] as [(CheckSpec.Kind, String, String)])
  func malformed(kind: CheckSpec.Kind, text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try CheckSpec.parse(kind: kind, text: text) }
    let message = error?.message ?? "none"
    #expect(message.contains(part), "\(message)")
    #expect(message.hasPrefix("--\(kind.rawValue) '"))
    #expect(!message.contains("\n"))
  }

  @Test("every key that a message lists is understood", arguments: CheckSpec.Kind.allCases)
  func listedKeys(kind: CheckSpec.Kind) throws {
    let values = [
      "status": "200", "method": "GET", "header": "A:b", "body": "x", "json": "a=1",
      "tls-ca": "/x", "tls-cert": "/x", "tls-key": "/x tls-cert=/x",
      "tls-name": "x", "tls-verify": "yes", "name": "x", "interval": "1s", "timeout": "1s",
      "fall": "1", "rise": "1", "gates": "none", "peer": "any", "max": "50%",
    ]
    let targets: [CheckSpec.Kind: String] = [
      .http: "https://h/", .tcp: ":80", .backlog: ":80", .exec: "true", .heartbeat: "worker",
    ]
    let target = targets[kind] ?? ":80"
    for key in kind.keys {
      // tls-key= stands with tls-cert= only.
      let value = try #require(values[key], "no example for \(key)")
      #expect(throws: Never.self) {
        try CheckSpec.parse(kind: kind, text: "\(key)=\(value) \(target)")
      }
    }
  }
}
