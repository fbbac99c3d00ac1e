import Glibc
import Testing

@testable import Launch

@Suite("Signal names")
struct SignalTests {
  @Test(
    "a signal is read as kill(1) and systemd name it",
    arguments: [
      ("SIGTERM", SIGTERM), ("TERM", SIGTERM), ("term", SIGTERM), ("SigTerm", SIGTERM),
      ("15", 15), ("1", 1), ("64", 64), ("007", 7), ("IOT", SIGABRT), ("POLL", SIGIO),
      ("CLD", SIGCHLD), ("RTMIN", firstRealTime), ("SIGRTMIN+0", firstRealTime),
      ("rtmin+5", firstRealTime + 5),
      ("RTMAX", 64), ("SIGRTMAX-1", 63), ("RTMIN+30", 64),
    ])
  func known(text: String, number: CInt) {
    #expect(Signal(text)?.rawValue == number)
  }

  @Test(
    "anything else is no signal",
    arguments: [
      "", "SIG", "0", "65", "-1", "+15", "15 ", " TERM", "SIGSIGTERM", "TERMX", "1x", "RTMIN+31",
      "RTMAX-31", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+-1", "RTMIN+2147483647",
      "RTMAX-2147483647", "99999999999999999999", "١٥",
    ])
  func unknown(text: String) {
    #expect(Signal(text) == nil)
  }

  @Test("every signal is described by a name that reads back as itself")
  func descriptions() throws {
    for number in CInt(1)...64 where !(32..<firstRealTime).contains(number) {
      let signal = try #require(Signal(rawValue: number))
      #expect(signal.description.hasPrefix("SIG"))
      #expect(Signal(signal.description) == signal)
    }
    #expect(Signal(rawValue: 32)?.description == "signal 32")
    #expect(Signal.terminate.description == "SIGTERM")
    #expect(Signal("64")?.description == "SIGRTMIN+30")
  }

  @Test("only 1 to 64 are signals", arguments: [CInt.min, -1, 0, 65, .max])
  func range(number: CInt) {
    #expect(Signal(rawValue: number) == nil)
  }
}

/// signal(7): the first two of the real-time signals, 32 and 33, are glibc's own.
private let firstRealTime: CInt = 34
