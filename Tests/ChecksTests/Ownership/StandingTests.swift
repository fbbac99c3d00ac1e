import Testing

@testable import Checks

@Suite("Whose a socket is, and whose answer that makes")
struct StandingTests {
  private let own = Holder(process: 10, descriptor: 3)
  private let nginx = Stranger(holder: Holder(process: 4711, descriptor: 6), name: "nginx")

  @Test("who holds a socket, and who may be seen, says whose it is")
  func standing() {
    let rows: [(Holding, passed: Bool, Standing)] = [
      (Holding(own: own), false, .own(own)),
      (Holding(own: own, isTreeHidden: true), false, .own(own)),
      (Holding(own: own, strangers: [nginx]), true, .shared(own, [nginx])),
      (Holding(strangers: [nginx]), false, .stranger(nginx)),
      (Holding(strangers: [nginx]), true, .stranger(nginx)),
      // A socket that a stranger opened is not in the child, hidden or not, unless it was passed.
      (Holding(strangers: [nginx], isTreeHidden: true), false, .stranger(nginx)),
      (Holding(strangers: [nginx], isTreeHidden: true), true, .unseen),
      (Holding(isTreeHidden: true), false, .unseen),
      (Holding(), false, .stranger(nil)),
      (Holding(), true, .closed),
    ]
    for (holding, isPassed, expected) in rows {
      #expect(Standing(holding, isPassed: isPassed) == expected)
    }
  }

  @Test("a socket that nobody is seen to have is a stranger's, unless its holder would be seen")
  func nobody() {
    let rows: [(user: UInt32?, viewer: UInt32, hidden: Set<UInt32>, Standing)] = [
      (1000, 1000, [0, 33], .unseen),
      (1000, 1000, [0, 1000], .stranger(nil)),
      (33, 1000, [0, 33], .stranger(nil)),
      // The processes of other users are not even listed (ProtectProc=invisible).
      (33, 1000, [], .stranger(nil)),
      (33, 0, [], .unseen),
      (0, 0, [0], .stranger(nil)),
      (nil, 0, [], .stranger(nil)),
    ]
    for (user, viewer, hidden, expected) in rows {
      let standing = Standing(
        Holding(hiddenUsers: hidden), isPassed: false, user: user, viewer: viewer)
      #expect(standing == expected, "\(user ?? 0) \(viewer) \(hidden)")
    }
  }

  @Test("all the sockets that may have taken the connection count")
  func owner() {
    let reason = "process 4711 (nginx), which is not this service's"
    let hidden =
      "a process of user 33 that vouch cannot see, which is not this service's"
    let rows: [([Standing], AnswerOwner)] = [
      ([.own(own)], .own),
      ([.own(own), .own(own)], .own),
      ([.own(own), .stranger(nginx)], .either),
      ([.shared(own, [nginx])], .either),
      ([.shared(own, [nginx]), .own(own)], .either),
      ([.stranger(nginx), .stranger(nil)], .stranger(reason)),
      ([.stranger(nil)], .stranger(hidden)),
      ([.closed], .nobody),
      ([.closed, .stranger(nginx)], .stranger(reason)),
      ([.unseen], .unseen),
      ([.own(own), .unseen], .unseen),
    ]
    for (standings, expected) in rows {
      #expect(AnswerOwner(standings.map { ($0, 33) }) == expected, "\(standings)")
    }
  }

  @Test("the kernel takes the socket bound to the very address, else those bound to all")
  func reached() {
    func listener(
      _ inode: UInt32, _ address: SIMD16<UInt8>, v6: Bool, only: Bool = false
    ) -> TCPListener {
      TCPListener(
        socket: ListeningSocket(inode: inode, user: 0, queued: 0, backlog: 1), address: address,
        isV6: v6, isV6Only: only)
    }
    let exact4 = listener(1, IPEndpoint.loopbackV4, v6: false)
    let any4 = listener(2, IPEndpoint.anyV4, v6: false)
    let dual = listener(3, IPEndpoint.anyV6, v6: true)
    let only6 = listener(4, IPEndpoint.anyV6, v6: true, only: true)
    let exact6 = listener(5, IPEndpoint.loopbackV6, v6: true)
    let mapped = listener(6, IPEndpoint.loopbackV4, v6: true)
    func inodes(_ all: [TCPListener], v6: Bool) -> [UInt32] {
      let peer: PeerAddress = v6 ? .loopback6(80) : .loopback4(80)
      guard case .ip(let address) = peer, let target = IPEndpoint(address) else { return [] }
      return TCPListener.reached(all, at: target).map(\.inode)
    }
    #expect(inodes([any4, exact4, dual], v6: false) == [1])
    #expect(inodes([any4, mapped, dual], v6: false) == [6])
    #expect(inodes([any4, dual], v6: false) == [2, 3])
    #expect(inodes([any4, only6], v6: false) == [2])
    #expect(inodes([any4, dual, only6], v6: true) == [3, 4])
    #expect(inodes([exact6, dual], v6: true) == [5])
    #expect(inodes([any4, exact4], v6: true) == [])
  }
}
