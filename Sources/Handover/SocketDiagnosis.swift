/// Why a program does not serve on a passed socket, in plain words, and what would be right where that
/// can be told.
public struct SocketDiagnosis: Hashable, Sendable {
  /// One line, to stand behind a reason.
  public var text: String
  /// Whether there is something to mend. Otherwise it may just be slow.
  public var isCertain: Bool
  /// Whether the log has it already.
  public var isLogged: Bool

  init(_ text: String, isCertain: Bool = true, isLogged: Bool = false) {
    self.text = text
    self.isCertain = isCertain
    self.isLogged = isLogged
  }
}

extension SocketDiagnosis {
  /// While the program starts, and READY=1 is still awaited.
  ///
  /// - Returns: nil where nothing is amiss that has to do with sockets, or nothing can be told.
  public static func whileStarting(_ facts: SocketFacts) -> SocketDiagnosis? {
    // Nobody asks for it, somebody serves on it, or who does cannot be seen.
    guard !facts.isHidden, let passed = facts.passed.first(where: { $0.isWaiting && !$0.isTaken })
    else { return nil }
    if facts.pass == PassProtocol.none {
      // Good for a worker that is woken by it.
      guard facts.isAwaited else { return nil }
      return SocketDiagnosis(
        "--pass none keeps the passed socket \(passed.address) from the program, and nobody accepts "
          + "from it")
    }
    // One that was refused may have asked for another address since.
    if !passed.isHeld, let refusal = facts.refusals.last {
      return SocketDiagnosis(refusal, isLogged: true)
    }
    if let own = facts.own.first(where: { $0.address == passed.address }) {
      return SocketDiagnosis(
        "\(own.program.name) has opened a socket of its own at \(passed.address), and leaves the passed "
          + "one: " + remedy(for: own.program, facts, at: passed.address, passed))
    }
    if !facts.own.isEmpty { return listensElsewhere(facts, not: passed) }
    // `adopt` puts it in place when it is bound.
    if facts.pass == .adopt {
      return SocketDiagnosis(
        passed.isHeld
          ? "\(facts.program.name) has the passed socket \(passed.address) and accepts nothing yet"
          : "\(facts.program.name) has not bound the passed \(passed.address) yet", isCertain: false
      )
    }
    if passed.isHeld {
      return SocketDiagnosis(
        "\(facts.program.name) has the passed socket \(passed.address) open and accepts nothing from "
          + "it yet", isCertain: false)
    }
    return SocketDiagnosis(
      "\(facts.program.name) has closed the passed socket \(passed.address): "
        + remedy(for: facts.program, facts, at: nil, passed))
  }

  private static func listensElsewhere(
    _ facts: SocketFacts, not passed: SocketFacts.Passed
  ) -> SocketDiagnosis {
    let places = facts.own.sorted {
      $0.address.nearness(to: passed.address) < $1.address.nearness(to: passed.address)
    }
    let nearest = places[0]
    let shown = places.prefix(3).map(\.address.description).joined(separator: ", ")
    return SocketDiagnosis(
      "\(nearest.program.name) listens on \(shown)\(places.count > 3 ? ", …" : ""), not on the passed "
        + "\(passed.address): " + remedy(for: nearest.program, facts, at: nearest.address, passed))
  }

  /// What would be right for a program that leaves the passed socket, and has opened its own `place`.
  private static func remedy(
    for program: SocketFacts.Program, _ facts: SocketFacts, at place: HandedSocket.Address?,
    _ passed: SocketFacts.Passed
  ) -> String {
    // The way is right: it has taken another.
    if let other = facts.passed.first(where: \.isTaken) {
      return "it has taken \(other.address): tell it to listen on \(passed.address), too"
    }
    if facts.pass != .adopt, let known = program.known {
      if !facts.isServed(known), let advice = known.advice { return advice }
      if known.matchesAddresses {
        return "its configuration must name that very address to listen on"
      }
    }
    let told = "the program told to bind \(passed.address)"
    guard let place else {
      return "if it binds an address by itself, --pass adopt, with \(told), gives it the socket"
    }
    if place == passed.address { return "--pass adopt gives it that one" }
    let same = passed.isOfListen ? "--listen \(place)" : "ListenStream=\(place)"
    if facts.pass == .adopt { return "pass it that address (\(same)), or have \(told)" }
    let remedy = "--pass adopt, with \(same) or \(told), gives it the socket"
    // The other may be for something else, a debugger for instance, and the program be slow.
    return place.isSamePort(as: passed.address) || program.known?.pass == .adopt
      ? remedy : "if that is where it serves, \(remedy)"
  }
}

extension SocketDiagnosis {
  /// How a program ended.
  public enum End: Hashable, Sendable {
    case exited(Int32)
    /// By a signal of this number.
    case signaled(Int32)
  }

  /// When the program has ended before READY=1, and nobody has asked it to.
  ///
  /// What it said of it has gone to the log, where vouch does not read: so "address already in use" can
  /// be no more than likely. It is told where a connection waits on a passed socket, and the program is
  /// not known to take sockets in the way in which it got them.
  public static func atEnd(_ end: End, _ facts: SocketFacts) -> SocketDiagnosis? {
    guard end.mayBeOfBind,
      let passed = facts.passed.first(where: { $0.isWaiting }),
      !facts.passed.contains(where: \.isTaken)
    else { return nil }
    let name = facts.program.name
    let known = facts.program.known
    let advice: String
    switch facts.pass {
    case .adopt:
      // A bind of it does not fail so, but for what vouch has refused.
      return facts.refusals.last.map { SocketDiagnosis($0, isLogged: true) }
    case .inetd: return nil
    case .descriptors, PassProtocol.none:
      if let known, facts.isServed(known) {
        guard known.matchesAddresses else { return nil }
        advice = "its configuration must name that very address to listen on"
      } else if facts.pass == .systemd || facts.pass == PassProtocol.none || !facts.namesDescriptors
      {
        advice =
          "it wants to bind that address by itself: "
          + (known?.advice ?? "--pass adopt gives it the passed socket")
      } else {
        // Whoever chose another way knows what the program takes.
        return nil
      }
    }
    return SocketDiagnosis(
      "\(name) never took the passed socket \(passed.address); if it says that the address is in use, "
        + advice)
  }
}

extension SocketDiagnosis.End {
  /// A program whose bind(2) failed says so with an exit status of its own, or by abort(3). 126 and up
  /// are the shell's, for a command that it cannot run or that was killed.
  fileprivate var mayBeOfBind: Bool {
    switch self {
    case .exited(let status): (1..<126).contains(status) || status == 255
    case .signaled(let number): number == 6
    }
  }
}

extension HandedSocket.Address {
  var port: UInt16? {
    switch self {
    case .ip4(_, let port), .ip6(_, let port): port
    case .path, .abstract, .other: nil
    }
  }

  func isSamePort(as other: Self) -> Bool { port != nil && port == other.port }

  /// How likely it is what the program has in place of `passed`: 0 is likeliest. Of two that are equally
  /// far IPv4: a program that opens a socket for each family can have that one passed alone.
  fileprivate func nearness(to passed: Self) -> Int {
    let isFar = isSamePort(as: passed) || (port == nil) == (passed.port == nil) ? 0 : 4
    let isOther = isSamePort(as: passed) ? 0 : 2
    if case .ip4 = self { return isFar + isOther }
    return isFar + isOther + 1
  }
}

extension SocketFacts {
  /// Whether the program gets the sockets as it takes them.
  fileprivate func isServed(_ program: KnownProgram) -> Bool {
    program.isServed(by: pass) && namesDescriptors
  }
}
