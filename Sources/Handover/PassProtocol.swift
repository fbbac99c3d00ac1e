/// How a program takes the sockets that it is given (`--pass`).
public enum PassProtocol: Hashable, Sendable {
  /// As 3, 4, …, and the program is told of them in these ways: one at least, none twice.
  case descriptors([Way])
  /// The one socket as standard input, and as output where it can be written to (inetd(8)).
  case inetd
  /// Not at all: the sockets stay with vouch.
  case none
  /// It binds for itself, and gets them in place of its own.
  case adopt

  /// What systemd itself does, and the default.
  public static let systemd = PassProtocol.descriptors([.systemd])

  /// All that there are, as they are written.
  public static let names = [
    "systemd", "argv", "env:NAME=TEMPLATE", "nginx", "php-fpm", "server-starter", "inetd", "none",
    "adopt",
  ]

  /// How a program learns which descriptors it was given.
  public enum Way: Hashable, Sendable {
    /// LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID (sd_listen_fds(3)).
    case systemd
    /// Placeholders in its arguments.
    case arguments
    /// A variable with placeholders.
    case variable(VariableTemplate)
    case nginx
    case phpFPM
    case serverStarter
  }

  /// Reads the values of all `--pass`, in their order; none stands for `systemd`.
  ///
  /// - Throws: what is wrong with one of them, or with them together.
  public static func parse(_ values: [String]) throws(HandoverError) -> PassProtocol {
    var ways: [Way] = []
    var alone: PassProtocol?
    for value in values {
      switch value {
      case "inetd": alone = .inetd
      case "none": alone = PassProtocol.none
      case "adopt": alone = .adopt
      default:
        let way = try Way(value)
        if ways.contains(where: { $0.isSame(as: way) }) {
          throw HandoverError("--pass \(value): it is given twice")
        }
        ways.append(way)
      }
      if alone != nil, values.count > 1 {
        throw HandoverError(
          "--pass \(value): it stands alone, and there is \(others(value, in: values)) beside it")
      }
    }
    if let alone { return alone }
    if let set = ways.first(where: { $0.nonblocking == true }),
      let clear = ways.first(where: { $0.nonblocking == false })
    {
      throw HandoverError(
        "--pass \(set) and --pass \(clear) contradict each other: "
          + "one needs O_NONBLOCK on the sockets, the other needs it off")
    }
    return ways.isEmpty ? .systemd : .descriptors(ways)
  }

  private static func others(_ value: String, in values: [String]) -> String {
    values.first { $0 != value }.map { "--pass \($0)" } ?? "the same"
  }
}

extension PassProtocol.Way {
  /// Those with a plain name.
  private static let named: [(name: String, way: Self)] = [
    ("systemd", .systemd), ("argv", .arguments), ("nginx", .nginx), ("php-fpm", .phpFPM),
    ("server-starter", .serverStarter),
  ]

  fileprivate init(_ value: String) throws(HandoverError) {
    if let found = Self.named.first(where: { $0.name == value }) {
      self = found.way
    } else if value.hasPrefix("env:") {
      self = .variable(try VariableTemplate(String(value.dropFirst("env:".count))))
    } else {
      throw HandoverError(
        "--pass \(value): no such protocol; there are "
          + PassProtocol.names.joined(separator: ", "))
    }
  }

  /// Two values for one variable are as contradictory as two of one protocol.
  fileprivate func isSame(as other: Self) -> Bool {
    if let variable, let other = other.variable { return variable == other }
    return self == other
  }

  /// The variable that it sets, where that is one only.
  private var variable: String? {
    switch self {
    case .variable(let template): template.name
    case .nginx: Convention.nginxVariable
    case .phpFPM: Convention.phpFPMVariable
    case .serverStarter: Convention.serverStarterVariable
    case .systemd, .arguments: nil
    }
  }

  /// Whether its programs expect O_NONBLOCK on a socket; nil leaves it as it was passed, and the flag
  /// is then what NonBlocking= of the service says: systemd sets or clears it at each start
  /// (systemd.service(5)).
  ///
  /// It is a flag of the open file description, which systemd and every generation of the program
  /// share. So it is touched for those programs alone that neither set nor clear it for themselves,
  /// and then before each start, as a former generation may have changed it.
  var nonblocking: Bool? {
    switch self {
    // Whoever takes a descriptor this way is written for whatever the administrator hands over.
    case .systemd, .arguments, .variable: nil
    // It sets it on the sockets that it opens, and expects it on those that it inherits: a worker
    // that lost the race for a connection would hang in accept(2).
    case .nginx: true
    // Its workers wait in accept(2), and end where that fails with EAGAIN.
    case .phpFPM: false
    // start_server(1) leaves its sockets blocking, and its programs wait in accept(2).
    case .serverStarter: false
    }
  }
}

extension PassProtocol.Way: CustomStringConvertible {
  public var description: String {
    if case .variable(let template) = self { return "env:\(template.name)=…" }
    return Self.named.first { $0.way == self }?.name ?? ""
  }
}
