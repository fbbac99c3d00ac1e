/// The `key=value` words of a `--listen`.
public struct ListenOptions: Hashable, Sendable {
  /// Backlog=: how many connections may wait to be accepted. The kernel's limit, net.core.somaxconn,
  /// holds all the same, and is what there is without a number.
  public var backlog: Int32?
  /// SocketMode=: the rights to a Unix socket's file.
  public var mode: UInt32?
  /// BindIPv6Only=: whether an IPv6 socket takes no IPv4 connections. Nil leaves it to
  /// net.ipv6.bindv6only where an IPv6 address was given, and is no for a port alone.
  public var v6Only: Bool?
  /// FreeBind=: whether an address may be one that this machine does not have yet.
  public var freeBind = false
  /// ReusePort=: whether others may listen there too (SO_REUSEPORT of socket(7)).
  public var reusePort = false

  public static let defaultMode: UInt32 = 0o666
  public static let keys = ["backlog", "mode", "v6only", "freebind", "reuse-port"]

  public init() {}

  init(parsing words: some Sequence<String>, for address: ListenAddress) throws(ListenMistake) {
    var seen: Set<String> = []
    for word in words {
      guard let equals = word.firstIndex(of: "=") else {
        throw ListenMistake(
          "\(quoted(word)) is no key=value: the address comes first, then its options, "
            + Self.keys.map { "\($0)=" }.joined(separator: ", "))
      }
      let key = String(word[..<equals])
      guard Self.keys.contains(key) else {
        throw ListenMistake(
          "unknown key \(quoted(key)); the keys are: \(Self.keys.joined(separator: ", "))")
      }
      guard seen.insert(key).inserted else { throw ListenMistake("\(key)= is given twice") }
      try set(key, String(word[word.index(after: equals)...]), for: address)
    }
  }

  private mutating func set(
    _ key: String, _ value: String, for address: ListenAddress
  ) throws(ListenMistake) {
    func needs(_ fits: Bool, _ what: String) throws(ListenMistake) {
      if !fits { throw ListenMistake("\(key)= is for \(what), and \(address.shown) is none") }
    }
    switch key {
    case "backlog":
      try needs(address.kind.listens, "sockets that accept connections")
      guard let number = wholeNumber(value), let number = Int32(exactly: number), number > 0 else {
        throw ListenMistake(
          "backlog=\(quoted(value)): how many connections may wait, a whole number from 1 on")
      }
      backlog = number
    case "mode":
      try needs(address.isPath, "Unix sockets with a path")
      guard (3...4).contains(value.utf8.count), let number = UInt32(value, radix: 8),
        number <= 0o777, value.utf8.allSatisfy({ (0x30...0x37).contains($0) })
      else {
        throw ListenMistake("mode=\(quoted(value)): rights in octal digits, such as 0660")
      }
      mode = number
    case "v6only":
      try needs(address.mayBeV6, "IPv6 addresses and a port alone")
      v6Only = try Self.truth(key, value)
    case "freebind":
      try needs(address.isIP, "IP addresses")
      freeBind = try Self.truth(key, value)
    default:
      try needs(address.isIP, "IP addresses")
      reusePort = try Self.truth(key, value)
    }
  }

  private static func truth(_ key: String, _ value: String) throws(ListenMistake) -> Bool {
    switch value {
    case "yes": return true
    case "no": return false
    default: throw ListenMistake("\(key)=\(quoted(value)): yes or no")
    }
  }
}

extension ListenAddress {
  var isPath: Bool { if case .path = place { true } else { false } }

  var isIP: Bool {
    switch place {
    case .everywhere, .ip4, .ip6: true
    case .path, .abstract: false
    }
  }

  var mayBeV6: Bool {
    switch place {
    case .everywhere, .ip6: true
    case .ip4, .path, .abstract: false
    }
  }
}
