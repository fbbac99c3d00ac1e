import Glibc
import Testing

@testable import Adopt

@Suite("socket options of an adopted socket") struct OptionTests {
  private let keep = SocketOption(level: SOL_SOCKET, name: SO_KEEPALIVE)
  private let delay = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_NODELAY)

  @Test("what the program has set is carried over, what it has not comes back as it was passed")
  func carried() {
    func settings(
      theirs: [UInt8]?, handed: [UInt8]?, current: [UInt8]?
    ) -> OptionValues {
      OptionValues.carried(
        theirs: theirs.map { [keep: $0] } ?? [:], fresh: [keep: [0]],
        handed: handed.map { [keep: $0] }, current: current.map { [keep: $0] } ?? [:])
    }
    #expect(settings(theirs: [1], handed: [0], current: [0]) == [keep: [1]])
    #expect(settings(theirs: [1], handed: [0], current: [1]) == [:])
    // A former generation had set it.
    #expect(settings(theirs: [0], handed: [0], current: [1]) == [keep: [0]])
    // The unit had set it (KeepAlive=), and the program has no opinion.
    #expect(settings(theirs: [0], handed: [1], current: [1]) == [:])
    #expect(settings(theirs: [0], handed: [1], current: [0]) == [keep: [1]])
    // A second worker of one generation.
    #expect(settings(theirs: [0], handed: nil, current: [1]) == [:])
    #expect(settings(theirs: [1], handed: nil, current: [0]) == [keep: [1]])
    // An option that the passed socket, or theirs, does not have.
    #expect(settings(theirs: [1], handed: [0], current: nil) == [:])
    #expect(settings(theirs: nil, handed: [0], current: [1]) == [keep: [0]])
  }

  @Test("every option that is written reads the same again")
  func roundTrip() throws {
    let families: [(CInt, __socket_type)] = [
      (AF_INET, SOCK_STREAM), (AF_INET6, SOCK_STREAM), (AF_INET, SOCK_DGRAM),
      (AF_INET6, SOCK_DGRAM), (AF_UNIX, SOCK_STREAM),
    ]
    for (family, type) in families {
      let socket = socket(family, CInt(type.rawValue), 0)
      try #require(socket >= 0)
      defer { close(socket) }
      let before = OptionValues(of: socket)
      #expect(before.count >= 10)
      for (option, value) in before {
        // Some are refused in this state, as SO_MARK is without a privilege; none may change.
        option.write(value, socket)
        #expect(option.read(socket) == value, "\(option)")
      }
    }
  }

  @Test("TCP_QUICKACK, and who may bind beside it, are not among them")
  func leftOut() {
    let names = SocketOption.all.filter { $0.level == SOL_SOCKET }.map(\.name)
    #expect(!names.contains(SO_REUSEADDR) && !names.contains(SO_REUSEPORT))
    let tcp = SocketOption.all.filter { $0.level == CInt(IPPROTO_TCP) }.map(\.name)
    #expect(!tcp.contains(TCP_QUICKACK))
    #expect(Set(SocketOption.all).count == SocketOption.all.count)
  }
}
