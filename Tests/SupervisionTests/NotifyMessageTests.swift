import Supervision
import Testing

@Suite struct NotifyMessageTests {
  private func parse(_ text: String) throws -> NotifyMessage {
    try NotifyMessage(parsing: Array(text.utf8))
  }

  /// A message with these fields and no other.
  private func message(_ change: (inout NotifyMessage) -> Void) -> NotifyMessage {
    var message = NotifyMessage()
    change(&message)
    return message
  }

  @Test("the program's own protocol")
  func program() throws {
    #expect(
      try parse("READY=1\nSTATUS=grüße\nWATCHDOG=1\n")
        == message {
          $0.ready = true
          $0.status = "grüße"
          $0.watchdog = .alive
        })
    #expect(
      try parse("RELOADING=1\nMONOTONIC_USEC=12") == message { $0.reloading = true })
    #expect(
      try parse("STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000")
        == message {
          $0.stopping = true
          $0.extendTimeout = .milliseconds(1500)
        })
    #expect(try parse("WATCHDOG=trigger") == message { $0.watchdog = .trigger })
    #expect(try parse("BARRIER=1") == message { $0.barrier = true })
    #expect(try parse("READY=0\nRELOADING=\nSTOPPING=yes\nBARRIER=11") == NotifyMessage())
  }

  @Test("a component's reports")
  func component() throws {
    #expect(
      try parse("VOUCH_COMPONENT=worker\nWATCHDOG=1\nSTATUS= 14 jobs \t")
        == message {
          $0.component = "worker"
          $0.watchdog = .alive
          $0.status = "14 jobs"
        })
    #expect(
      try parse("VOUCH_COMPONENT=worker\nVOUCH_FAILED=no disk=full\nVOUCH_REPLY=1")
        == message {
          $0.component = "worker"
          $0.failed = "no disk=full"
          $0.wantsReply = true
        })
  }

  @Test("what goes on to systemd as it is")
  func passedOn() throws {
    let stored = try parse("FDSTORE=1\nFDNAME=state\nFDPOLL=0")
    #expect(stored.storesDescriptors)
    #expect(stored.passedOn == ["FDSTORE=1", "FDNAME=state", "FDPOLL=0"])
    #expect(
      try parse("FDNAME=state\nFDSTOREREMOVE=1").passedOn == ["FDNAME=state", "FDSTOREREMOVE=1"])
    #expect(try parse("FDNAME=state\nFDPOLL=0").passedOn == [], "of nothing")
    #expect(
      try parse("ERRNO=2\nBUSERROR=org.x.Failed\nVARLINKERROR=io.x.Failed").passedOn
        == ["ERRNO=2", "BUSERROR=org.x.Failed", "VARLINKERROR=io.x.Failed"])
    for wrong in ["ERRNO=-2", "ERRNO=x", "BUSERROR=", "BUSERROR=a b", "FDSTORE=1\nFDNAME=a:b"] {
      let parsed = try parse(wrong)
      #expect(parsed.passedOn.filter { $0 != "FDSTORE=1" } == [], "\(wrong)")
      #expect(parsed.ignored.count == 1, "\(wrong)")
    }
  }

  @Test("what would take the service out of vouch's hands is told apart and does nothing")
  func ignored() throws {
    let parsed = try parse("MAINPID=1\nNOTIFYACCESS=all\nWATCHDOG_USEC=5\nX_MINE=1")
    #expect(parsed == message { $0.ignored = parsed.ignored })
    #expect(parsed.ignored == ["MAINPID=1", "NOTIFYACCESS=all", "WATCHDOG_USEC=5"])
  }

  @Test("of a variable that stands there twice the first counts")
  func twice() throws {
    #expect(try parse("STATUS=a\nSTATUS=b").status == "a")
    #expect(try parse("READY=0\nREADY=1").ready == false)
  }

  @Test(
    "empty lines and lines that are no assignments are passed over",
    arguments: ["", "\n", "\n\n\n", "READY", "=", "=1", "\u{feff}READY=1", "ready=1", " READY=1"])
  func nothing(text: String) throws {
    #expect(try parse(text) == NotifyMessage())
  }

  @Test("a NUL may end a datagram, and nothing else")
  func nul() throws {
    #expect(try parse("READY=1\0").ready)
    #expect(throws: NotifyMessage.Malformed.holdsNUL) { try parse("READY=1\0\0") }
    #expect(throws: NotifyMessage.Malformed.holdsNUL) { try parse("REA\0DY=1\nSTATUS=x") }
  }

  @Test("what is not UTF-8 is no value, and the rest counts")
  func utf8() throws {
    let bytes = Array("STATUS=".utf8) + [0xC3, 0x28] + Array("\nREADY=1\n".utf8) + [0xFF, 0x3D]
    let parsed = try NotifyMessage(parsing: bytes)
    #expect(parsed.ready)
    #expect(parsed.status == nil)
    #expect(parsed.ignored == ["STATUS (not UTF-8)"])
  }

  @Test("texts are one line, and cut between characters")
  func texts() throws {
    #expect(try parse("STATUS=a\tb\rc\u{2028}d").status == "a b c d")
    for letter in ["x", "ü", "👩‍👩‍👧‍👦", "e\u{301}"] {
      let status = try #require(
        try parse("STATUS=" + String(repeating: letter, count: 4000 / letter.utf8.count)).status)
      #expect(status.utf8.count <= NotifyMessage.textLimit)
      #expect(status.utf8.count > NotifyMessage.textLimit - 32)
      #expect(status.allSatisfy { String($0) == letter })
    }
  }

  @Test("a datagram of 4096 bytes is read, a longer one is not")
  func long() throws {
    let full = "READY=1\nX=" + String(repeating: "x", count: 4096 - 10)
    #expect(try parse(full).ready)
    #expect(throws: NotifyMessage.Malformed.tooLong) { try parse(full + "x") }
  }

  @Test(
    "a span is a whole number of microseconds above zero",
    arguments: ["", "0", "-1", "+1", "1.5", "1s", "18446744073709551615", "99999999999999999999"])
  func spans(text: String) throws {
    let parsed = try parse("EXTEND_TIMEOUT_USEC=\(text)")
    #expect(parsed.extendTimeout == nil)
    #expect(parsed.ignored.count == 1)
  }
}
