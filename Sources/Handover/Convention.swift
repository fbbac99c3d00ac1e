/// The variables of programs that hand sockets to their own next generation: given them from outside,
/// they take ours. Each program finds a socket by its address, so its own configuration has to name
/// the address as it is written here.
enum Convention {
  static let nginxVariable = "NGINX"
  static let phpFPMVariable = "FPM_SOCKETS"
  static let serverStarterVariable = "SERVER_STARTER_PORT"

  /// What nginx hands to a new binary (ngx_add_inherited_sockets in its src/core/nginx.c): numbers,
  /// each with a colon or semicolon behind it. The addresses nginx asks of the sockets.
  static func nginx(_ sockets: HandedSockets) -> [UInt8] {
    Array((sockets.numbered.map { String($0.number) }.joined(separator: ":") + ";").utf8)
  }

  /// What php-fpm hands to itself when it reloads (sapi/fpm/fpm/fpm_sockets.c): ADDRESS=NUMBER with
  /// commas, where an IPv6 address has no brackets.
  static func phpFPM(_ sockets: HandedSockets) throws(HandoverError) -> [UInt8] {
    try list(sockets, "php-fpm", separator: ",") { address in
      switch address {
      case .ip4(let host, let port), .ip6(let host, let port): Array("\(host):\(port)".utf8)
      case .path(let path): path
      case .abstract, .other: nil
      }
    }
  }

  /// What start_server(1) of Server::Starter 0.35 tells its programs: HOST:PORT=NUMBER or
  /// PATH=NUMBER with semicolons; PORT alone where it was bound to the IPv4 wildcard.
  static func serverStarter(_ sockets: HandedSockets) throws(HandoverError) -> [UInt8] {
    try list(sockets, "server-starter", separator: ";") { address in
      switch address {
      case .ip4("0.0.0.0", let port): Array(String(port).utf8)
      case .ip4, .ip6: Array(address.description.utf8)
      case .path(let path): path
      case .abstract, .other: nil
      }
    }
  }

  /// Nothing of it can be quoted, so an address with one of its own separators has no place there.
  private static func list(
    _ sockets: HandedSockets, _ name: String, separator: Unicode.Scalar,
    _ address: (HandedSocket.Address) -> [UInt8]?
  ) throws(HandoverError) -> [UInt8] {
    let separator = UInt8(ascii: separator)
    let equals = UInt8(ascii: "=")
    var entries: [[UInt8]] = []
    for (number, socket) in sockets.numbered {
      guard let key = address(socket.address) else {
        throw HandoverError(
          "--pass \(name): it takes TCP sockets and Unix sockets with a path: \(sockets.inventory)")
      }
      if key.contains(where: { $0 == separator || $0 == equals }) {
        throw HandoverError(
          "--pass \(name): a path must not have \(Character(Unicode.Scalar(separator))) or = in it: "
            + "\(socket.address)")
      }
      entries.append(key + [equals] + Array(String(number).utf8))
    }
    return Array(entries.joined(separator: [separator]))
  }
}
