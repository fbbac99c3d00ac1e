import Checks
import Glibc
import Handover
import Launch
import NIOCore
import Supervision
import Systemd

/// Looks what the child has done with the passed sockets, and puts it into words.
final class SocketDesk {
  private let sockets: [(descriptor: Int32, address: HandedSocket.Address, isOfListen: Bool)]
  private let pass: PassProtocol
  private let isAwaited: Bool
  private let program: SocketFacts.Program
  private let namesDescriptors: Bool
  private let adopt: AdoptDesk?
  /// Whether a look has seen that the child takes connections: its end has another reason then.
  private var wasTaken = false
  private var isLooking = false

  /// Whether there is a socket that it can tell of: one from which connections are accepted.
  static func isOfUse(_ sockets: PassedSockets) -> Bool {
    sockets.all.contains { ListenerAddress(name: $0.name, descriptor: $0.descriptor) != nil }
  }

  init(_ plan: Plan, adopt: AdoptDesk?) {
    self.adopt = adopt
    let descriptor = Array("{fd".utf8)
    namesDescriptors =
      plan.pass != .descriptors([.arguments])
      || plan.command.contains { $0.contains(descriptor) }
    let own = Set(plan.listening.own.map(\.descriptor))
    sockets = plan.sockets.all.compactMap { socket in
      guard ListenerAddress(name: socket.name, descriptor: socket.descriptor) != nil else {
        return nil
      }
      return (
        socket.descriptor, HandedSocket.Address(of: socket.descriptor),
        own.contains(socket.descriptor)
      )
    }
    pass = plan.pass
    isAwaited = plan.policy.checks.contains {
      $0.waitsInListenQueue && $0.gates.contains(.ready)
    }
    program = SocketFacts.Program(
      words: plan.handover.arguments.map { String(decoding: $0, as: UTF8.self) })
  }

  /// Looks in a thread of its own, and tells on the loop.
  ///
  /// - Parameter others: what vouch runs beside the child.
  func look(
    without others: Set<ProcessID>, on loop: any EventLoop, _ found: @escaping (Finding?) -> Void
  ) {
    if isLooking || sockets.isEmpty { return }
    isLooking = true
    let descriptors = sockets.map(\.descriptor)
    let others = Set(others.map(\.rawValue))
    let found = NIOLoopBound((self, found), eventLoop: loop)
    let status = DetachedThread.run {
      let survey = SocketSurvey.take(root: getpid(), others: others, descriptors: descriptors)
      loop.execute {
        let (desk, found) = found.value
        desk.isLooking = false
        // Where vouch cannot see, it has nothing to say.
        guard let survey else { return }
        let facts = desk.facts(survey)
        if facts.passed.contains(where: \.isTaken) { desk.wasTaken = true }
        found(SocketDiagnosis.whileStarting(facts).map(Finding.init))
      }
    }
    // Short of threads: the next look is not far.
    if status != 0 { isLooking = false }
  }

  /// What is to be said of a child that has ended before it was ready. Its processes are gone: what is
  /// left is whether somebody waits for it in vain.
  func lastWords(_ end: ExitStatus) -> Finding? {
    if wasTaken { return nil }
    var facts = SocketFacts(
      passed: sockets.map {
        SocketFacts.Passed(
          $0.address, isOfListen: $0.isOfListen, isWaiting: SocketSurvey.isWaiting($0.descriptor))
      },
      program: program, pass: pass, isAwaited: isAwaited)
    complete(&facts)
    return SocketDiagnosis.atEnd(SocketDiagnosis.End(end), facts).map(Finding.init)
  }

  private func facts(_ survey: SocketSurvey) -> SocketFacts {
    var facts = SocketFacts(
      passed: zip(sockets, survey.passed).map { socket, seen in
        SocketFacts.Passed(
          socket.address, isOfListen: socket.isOfListen, isHeld: seen.isHeld,
          isTaken: seen.isWatched || seen.hasAccepted, isWaiting: seen.isWaiting)
      },
      own: survey.own.map {
        SocketFacts.Own(HandedSocket.Address($0.place), SocketFacts.Program($0.process))
      },
      program: survey.first.map { SocketFacts.Program($0) } ?? program, isHidden: survey.isHidden,
      pass: pass, isAwaited: isAwaited)
    complete(&facts)
    return facts
  }

  private func complete(_ facts: inout SocketFacts) {
    facts.namesDescriptors = namesDescriptors
    facts.refusals = adopt?.refusals ?? []
  }
}

extension SocketFacts.Program {
  /// By the command line alone.
  init(words: [String]) {
    let name = words.first?.split(separator: "/").last.map(String.init) ?? "the program"
    self.init(name: oneWord(name), known: KnownProgram(words: words))
  }

  init(_ process: SocketSurvey.Process) {
    let known = KnownProgram(words: process.words)
    self.init(name: oneWord(process.name), known: known ?? KnownProgram(words: [process.name]))
  }
}

/// A program may call itself anything.
private func oneWord(_ name: String) -> String {
  name.isEmpty ? "the program" : Supervision.oneLine(String(name.prefix(64)))
}

extension HandedSocket.Address {
  init(_ place: SocketSurvey.Place) {
    switch place {
    case .unix(let name):
      self = name.first == 0 ? .abstract(Array(name.dropFirst())) : .path(name)
    case .ip(let bytes, let port, let isV6):
      var bytes = bytes
      let host = withUnsafeTemporaryAllocation(
        of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)
      ) { buffer in
        withUnsafeBytes(of: &bytes) { raw in
          inet_ntop(
            isV6 ? AF_INET6 : AF_INET, isV6 ? raw.baseAddress : raw.baseAddress! + 12,
            buffer.baseAddress, socklen_t(buffer.count)
          ).map { String(cString: $0) } ?? "?"
        }
      }
      self = isV6 ? .ip6(host: host, port: port) : .ip4(host: host, port: port)
    }
  }
}

extension SocketDiagnosis.End {
  init(_ status: ExitStatus) {
    switch status {
    case .exited(let code): self = .exited(code)
    case .signaled(let signal, coreDumped: _): self = .signaled(signal.rawValue)
    }
  }
}

extension Finding {
  init(_ diagnosis: SocketDiagnosis) {
    self.init(diagnosis.text, isCertain: diagnosis.isCertain, isLogged: diagnosis.isLogged)
  }
}
