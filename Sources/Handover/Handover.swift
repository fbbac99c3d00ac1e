/// What the child gets of the sockets, and how it is told of them.
public struct Handover: Hashable, Sendable {
  /// vouch's numbers of what become 3, 4, … in the child.
  public var descriptors: [Int32] = []
  /// vouch's number of what becomes the child's standard input and output.
  public var standardInputAndOutput: Int32?
  /// Whether LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID tell of the descriptors.
  public var setsListenVariables = false
  /// The child's arguments, its own name first.
  public var arguments: [[UInt8]]
  /// To be set in its environment.
  public var variables: [Variable] = []
  /// What O_NONBLOCK has to be on the sockets when the child starts; nil leaves it alone.
  public var nonblocking: Bool?

  /// Paths of the sockets that the program removes when it ends, where it may: nobody reaches the
  /// socket from then on, though systemd holds it still.
  public var removedPaths: [[UInt8]] = []

  public struct Variable: Hashable, Sendable {
    public var name: String
    public var value: [UInt8]
  }

  private init(arguments: [[UInt8]]) {
    self.arguments = arguments
  }

  /// Decides it.
  ///
  /// With any protocol but `argv` the arguments stay as they are, byte for byte; with it those behind
  /// the command's name have their placeholders filled. LISTEN_* is set for `systemd` alone: a program
  /// that is told otherwise may have something in it that reads those too, and would take the
  /// descriptors twice.
  ///
  /// - Parameters:
  ///   - sockets: in the order in which the child gets them.
  ///   - arguments: the command and its arguments.
  /// - Throws: why these sockets cannot be handed over so.
  public static func plan(
    _ pass: PassProtocol, sockets: [HandedSocket], arguments: [[UInt8]]
  ) throws(HandoverError) -> Handover {
    var handover = Handover(arguments: arguments)
    switch pass {
    case .none, .adopt: break
    case .inetd:
      guard let socket = sockets.first, sockets.count == 1 else {
        throw HandoverError(
          "--pass inetd: exactly one socket is wanted, to be standard input and output; "
            + Self.told(sockets))
      }
      // Standard error stays the log, as with StandardInput=socket (systemd.exec(5)): with inetd's own
      // copy of the socket there clients would read the messages.
      handover.standardInputAndOutput = socket.descriptor
      // Its programs know nothing of sockets before they read, or wait in accept(2).
      handover.nonblocking = false
    case .descriptors(let ways):
      handover.descriptors = sockets.map(\.descriptor)
      for way in ways { try handover.tell(way, HandedSockets(sockets)) }
    }
    return handover
  }

  private mutating func tell(
    _ way: PassProtocol.Way, _ sockets: HandedSockets
  ) throws(HandoverError) {
    // Programs that can be socket-activated run without, too; the others were told where to find what
    // is not there.
    if sockets.all.isEmpty, way != .systemd {
      throw HandoverError("--pass \(way): \(Self.told(sockets.all))")
    }
    nonblocking = way.nonblocking ?? nonblocking
    switch way {
    case .systemd: setsListenVariables = true
    case .arguments: arguments = try Self.filled(arguments, sockets)
    case .variable(let template):
      set(
        template.name,
        try Self.naming(way) { () throws(HandoverError) in
          try template.value.filled(with: sockets)
        })
    case .nginx: set(Convention.nginxVariable, Convention.nginx(sockets))
    case .phpFPM:
      set(Convention.phpFPMVariable, try Convention.phpFPM(sockets))
      // fpm_sockets_cleanup in its fpm_sockets.c, inherited or not.
      removedPaths = sockets.all.compactMap {
        if case .path(let path) = $0.address { path } else { nil }
      }
    case .serverStarter:
      set(Convention.serverStarterVariable, try Convention.serverStarter(sockets))
      // Its first program is of generation 1.
      set("SERVER_STARTER_GENERATION", Array("1".utf8))
    }
  }

  private mutating func set(_ name: String, _ value: [UInt8]) {
    variables.append(Variable(name: name, value: value))
  }

  private static func filled(
    _ arguments: [[UInt8]], _ sockets: HandedSockets
  ) throws(HandoverError) -> [[UInt8]] {
    let templates = arguments.dropFirst().map(Template.init)
    guard templates.contains(where: \.hasPlaceholder) else {
      throw HandoverError(
        "--pass argv: no argument of the command has a placeholder: there are \(Placeholder.list)")
    }
    var filled = Array(arguments.prefix(1))
    for template in templates {
      filled.append(
        try naming(.arguments) { () throws(HandoverError) in try template.filled(with: sockets) })
    }
    return filled
  }

  /// Says in which `--pass` the mistake is.
  private static func naming(
    _ way: PassProtocol.Way, _ body: () throws(HandoverError) -> [UInt8]
  ) throws(HandoverError) -> [UInt8] {
    do {
      return try body()
    } catch {
      throw HandoverError("--pass \(way): \(error)")
    }
  }

  private static func told(_ sockets: [HandedSocket]) -> String {
    guard sockets.isEmpty else {
      return "there are \(sockets.count): \(HandedSockets(sockets).inventory)"
    }
    return "there is no socket to pass: start the .socket unit, or give --listen"
  }
}
