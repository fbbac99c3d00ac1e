import Testing

@testable import Handover

@Suite("placeholders") struct TemplateTests {
  static let sockets = HandedSockets([
    HandedSocket(descriptor: 9, name: "web", address: .ip6(host: "::1", port: 8080)),
    HandedSocket(descriptor: 3, name: "web", address: .ip4(host: "127.0.0.1", port: 80)),
    HandedSocket(descriptor: 4, name: "app.sock", address: .path(Array("/run/a".utf8))),
    HandedSocket(descriptor: 7, name: "hidden", address: .abstract(Array("a".utf8))),
    HandedSocket(descriptor: 8, name: "pipe", address: .other("a FIFO")),
  ])

  private func fill(_ text: String) throws -> String {
    String(decoding: try Template(Array(text.utf8)).filled(with: Self.sockets), as: UTF8.self)
  }

  @Test(
    "each is filled with the first socket's property, or with that of the first of its name",
    arguments: [
      ("{fd}", "3"), ("{fd:web}", "3"), ("{fd:app.sock}", "5"), ("{fd:pipe}", "7"),
      ("{fds}", "3,4,5,6,7"), ("{fds:web}", "3,4"), ("{fds:pipe}", "7"),
      ("{port}", "8080"), ("{port:web}", "8080"), ("{addr}", "[::1]:8080"),
      ("{path:app.sock}", "/run/a"), ("{path:hidden}", "@a"),
      ("fd@{fd}", "fd@3"), ("{fd}{fd:app.sock}", "35"), ("--{fd}:{port}--", "--3:8080--"),
    ])
  func values(text: String, filled: String) throws {
    #expect(try fill(text) == filled)
  }

  @Test(
    "all else in braces is text: JSON, shell, other templates",
    arguments: [
      "", "{", "}", "{}", "{{}}", "{ fd }", "{FD}", "{fd", "fd}", "{fdx}", "{name}", "{fd.x}",
      #"{"a":{"b":{}}}"#, #"{"port":1,"x":[{"fd":2}]}"#, "${fd", "{{name}}", "{a,b}", "é{ü}",
    ])
  func text(text: String) throws {
    #expect(try fill(text) == text)
    #expect(Template(Array(text.utf8)).isPlain)
  }

  @Test(
    "doubled braces make it text",
    arguments: [
      ("{{fd}}", "{fd}"), ("{{port:web}}", "{port:web}"), ("{{port:no such}}", "{port:no such}"),
      ("{{{fd}}}", "{{fd}}"), ("{{fd}}{fd}", "{fd}3"),
      (#"{"a":{"p":{port}}}"#, #"{"a":{"p":8080}}"#),
      ("{{fd}", "{3"), ("{fd}}", "3}"),
    ])
  func literal(text: String, filled: String) throws {
    #expect(try fill(text) == filled)
  }

  @Test("bytes that are not UTF-8 stay as they are")
  func bytes() throws {
    let text: [UInt8] = [0xFF, UInt8(ascii: "{"), 0x80] + Array("}{fd}".utf8) + [0xC3]
    let filled: [UInt8] = [0xFF, UInt8(ascii: "{"), 0x80] + Array("}3".utf8) + [0xC3]
    #expect(try Template(text).filled(with: Self.sockets) == filled)
  }

  @Test(
    "one that cannot be filled is refused with what there is",
    arguments: [
      (
        "{fd:wbe}",
        "{fd:wbe}: no socket has that name: 3 is web ([::1]:8080), 4 is web (127.0.0.1:80)"
      ),
      ("{fd:}", "no socket has that name"), ("{port:app.sock}", "5 has no port"),
      ("{port:pipe}", "7 is pipe (a FIFO)"), ("{addr:hidden}", "6 has no HOST:PORT"),
      ("{path}", "3 is no Unix socket"), ("{port:8080}", "write {{port:8080}}"),
    ])
  func unfilled(text: String, says: String) {
    let error = #expect(throws: HandoverError.self) { try fill(text) }
    #expect(error?.description.contains(says) == true, "\(String(describing: error))")
  }
}
