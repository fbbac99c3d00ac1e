import Glibc
import Testing

@testable import Checks

/// What comes is told by a signal, also where somebody else takes it at once.
@Suite(.serialized) struct ArrivalTests {
  @Test("arming keeps the other flags of the shared description, and says when it was undone")
  func flags() throws {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    defer { close(listener) }
    try #require(listen(listener, 10) == 0)
    let use = try SocketUse([(listener, "web")], own: OwnConnections(), signal: SIGURG)
    let before = fcntl(listener, F_GETFL)
    #expect(use.arm())
    #expect(fcntl(listener, F_GETFL) == before | O_ASYNC)
    #expect(use.arm())
    // A program that sets its flags without asking for those that are set.
    _ = fcntl(listener, F_SETFL, O_NONBLOCK)
    #expect(!use.arm())
    #expect(use.arm())
    use.disarm()
    #expect(fcntl(listener, F_GETFL) == before)
    #expect(use.arm(), "after disarming it is no wonder that it is not armed")
    // Another holder of the same description has it told.
    _ = fcntl(listener, F_SETOWN, getppid())
    #expect(!use.arm())
    #expect(use.arm())
    use.disarm()
  }
}
