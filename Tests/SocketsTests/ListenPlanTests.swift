import Testing

@testable import Sockets

@Suite("where the socket of a --listen comes from") struct ListenPlanTests {
  private typealias Received = ListenPlan.Received

  private func received(_ name: String, _ address: String?) throws -> Received {
    guard let address else { return Received(name: name, bound: nil) }
    let parsed = try spec(address).address
    guard case .everywhere(let port) = parsed.place else {
      return Received(name: name, bound: BoundAddress(kind: parsed.kind, place: parsed.place))
    }
    return Received(
      name: name,
      bound: BoundAddress(
        kind: parsed.kind, place: .ip6([UInt8](repeating: 0, count: 16), port: port)))
  }

  private func mark(_ text: String) throws -> String { StoreMark(try spec(text)).description }

  @Test("of nothing that was passed: all are opened")
  func opened() throws {
    let plan = try ListenPlan([spec("80"), spec("web=81")], [])
    #expect(plan.sources == [.opened, .opened])
  }

  @Test("systemd's socket of the name is taken, whatever its address; it stays where it is")
  func byName() throws {
    let plan = try ListenPlan(
      [spec("web=80"), spec("web=81"), spec("admin=82")],
      [received("other", "90"), received("web", "/run/web")])
    #expect(plan.sources == [.passed, .passed, .opened])
    #expect(plan.passedOn == [0, 1])
    #expect(plan.stale == [])
  }

  @Test(
    "without a name systemd's socket of the address is taken",
    arguments: [
      ("80", "80", true), ("80", "0.0.0.0:80", true), ("80", "[::]:80", true),
      ("80", "127.0.0.1:80", false), ("80", "81", false), ("80", "udp:80", false),
      ("udp:80", "udp:80", true), ("127.0.0.1:80", "127.0.0.1:80", true),
      ("127.0.0.1:80", "80", false), ("/run/a", "/run/a", true), ("/run/a", "dgram:/run/a", false),
      ("@a", "@a", true), ("@a", "@b", false), ("0.0.0.0:80", "0.0.0.0:80", true),
    ])
  func byAddress(asked: String, passed: String, taken: Bool) throws {
    let plan = try ListenPlan([spec(asked)], [received("x.socket", passed)])
    #expect(plan.sources == [taken ? .passed : .opened])
    #expect(plan.passedOn == [0])
  }

  @Test("systemd's socket of the address under another name is a mistake that is explained")
  func otherName() throws {
    let mistake = try #require(throws: ListenMistake.self) {
      try ListenPlan([spec("web=80")], [received("x.socket", "80")])
    }
    #expect(mistake.message.contains("FileDescriptorName=web"))
    #expect(mistake.message.contains("x.socket"))
  }

  @Test("what vouch stored is found again, whatever its place and whatever the name now")
  func stored() throws {
    let plan = try ListenPlan(
      [spec("web=80"), spec("/run/a mode=0600"), spec("81 backlog=5")],
      [
        received("mine", nil), received(mark("81"), "81"), received(mark("/run/a"), "/run/a"),
        received(mark("80"), "80"),
      ])
    #expect(plan.sources == [.stored(3), .stored(2), .stored(1)])
    #expect(plan.passedOn == [0])
    #expect(plan.stale == [])
  }

  @Test(
    "what was stored for something else is stale, and never passed on",
    arguments: ["80", "127.0.0.1:81", "81 v6only=yes", "81 reuse-port=yes", "udp:81"])
  func stale(now: String) throws {
    let plan = try ListenPlan([spec(now)], [received(mark("81"), "81"), received("foo", "/run/f")])
    #expect(plan.sources == [.opened])
    #expect(plan.stale == [0])
    #expect(plan.passedOn == [1])
  }

  @Test("a mark alone does not make a socket: its address has to fit")
  func liar() throws {
    let plan = try ListenPlan(
      [spec("80")], [received(mark("80"), "81"), received(mark("80"), nil)])
    #expect(plan.sources == [.opened])
    #expect(plan.stale == [0, 1])
  }

  @Test("without --listen all that was stored is stale, the child's own is not")
  func gone() throws {
    let plan = try ListenPlan(
      [], [received(mark("80"), "80"), received("stored", "81"), received("vouch", nil)])
    #expect(plan.stale == [0])
    #expect(plan.passedOn == [1, 2])
  }

  @Test("a .socket unit wins over what is stored, which then is stale")
  func unitWins() throws {
    let plan = try ListenPlan(
      [spec("web=80")], [received("web", "81"), received(mark("web=80"), "80")])
    #expect(plan.sources == [.passed])
    #expect(plan.stale == [1])
  }

  @Test(
    "a mark is a valid FDNAME, and another for each socket that is another",
    arguments: [
      "80", "udp:80", "[::1]:80", "127.0.0.1:80", "/run/a b:c%", "/run/a%20b", "@a", "dgram:/run/a",
      "80 v6only=yes", "80 v6only=no", "80 reuse-port=yes",
      "/" + String(repeating: "é", count: 53),
    ])
  func marks(text: String) throws {
    let words =
      text.hasPrefix("/") ? [text] : text.split(separator: " ").map(String.init)
    let one = StoreMark(try ListenSpec(text: text, words: words)).description
    #expect((1...255).contains(one.utf8.count))
    #expect(one.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: ":") })
    #expect(StoreMark.isOwn(one))
    #expect(try one != mark("81"))
  }

  @Test("marks differ where sockets do, and only there")
  func different() throws {
    let all = [
      "80", "udp:80", "[::1]:80", "127.0.0.1:80", "/80", "@80", "dgram:/80", "seqpacket:/80",
      "80 v6only=yes", "80 v6only=no", "80 reuse-port=yes",
    ]
    #expect(Set(try all.map(mark)).count == all.count)
    #expect(try mark("80 backlog=5 freebind=yes") == mark("web=80"))
    #expect(try mark("/a mode=0600") == mark("/a"))
    #expect(try mark("80") == "vouch-listen/80")
    #expect(try mark("/run/a") == "vouch-listen//run/a")
  }
}
