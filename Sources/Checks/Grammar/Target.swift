import NIOCore

/// Where a probe connects to.
public enum Target: Sendable, Hashable {
  /// The first listening stream socket that vouch was passed.
  case firstListener
  /// The first passed listening socket of this name.
  case listener(String)
  /// A port of this machine's loopback, v4 and v6.
  case loopback(port: Int)
  /// An IPv4 or IPv6 address, in the form that was written, without brackets.
  case address(String, port: Int)
  /// A name for the resolver.
  case host(String, port: Int)
  /// A Unix stream socket, by its path.
  case unix(path: String)
  /// A Unix stream socket in the abstract namespace (unix(7)), without the leading NUL.
  case abstract(String)

  /// Whether vouch itself handed the socket on: then a connection waits in its listen queue until
  /// the child accepts it.
  public var isPassedSocket: Bool {
    switch self {
    case .firstListener, .listener: true
    case .loopback, .address, .host, .unix, .abstract: false
    }
  }

  /// For messages.
  var shown: String {
    switch self {
    case .firstListener: "the first passed socket"
    case .listener(let name): "the passed socket \(quoted(name))"
    case .loopback(let port): "port \(port)"
    case .address(let address, let port), .host(let address, let port):
      address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    case .unix(let path): Checks.shown(path)
    case .abstract(let name): "@" + Checks.shown(name)
    }
  }

  /// `HOST:PORT`, `[V6]:PORT`, `:PORT`, `@NAME`, `unix:/PATH` or `unix:@ABSTRACT`.
  static func parseStream(_ text: String) throws(SpecError) -> Target {
    if text.hasPrefix("@") { return .listener(try socketName(text.dropFirst())) }
    if let unix = try parseUnix(text) { return unix }
    if text.contains("/") {
      throw SpecError("\(quoted(text)) is not a TCP target: \(streamForms)")
    }
    return try parseAuthority(text[...], defaultPort: nil, forms: streamForms)
  }

  private static let streamForms =
    "write HOST:PORT, [V6]:PORT, :PORT, @NAME or unix:/PATH"

  /// `unix:/PATH` and `unix:@ABSTRACT`; nil for any other text, a host named unix included.
  static func parseUnix(_ text: String) throws(SpecError) -> Target? {
    let place: Substring
    if text.hasPrefix("unix:/") || text.hasPrefix("unix:@") {
      place = text.dropFirst(5)
    } else if text == "unix:" {
      throw SpecError("unix: needs a path: write unix:/PATH or unix:@ABSTRACT")
    } else {
      return nil
    }
    // sun_path of unix(7) has 108 bytes, one of them for the NUL that ends a path or begins an
    // abstract name.
    if place.utf8.count > 107 + (place.hasPrefix("@") ? 1 : 0) {
      throw SpecError("the socket's path \(quoted(String(place))) is longer than 107 bytes")
    }
    if !place.hasPrefix("@") { return .unix(path: String(place)) }
    let name = place.dropFirst()
    if name.isEmpty { throw SpecError("unix:@ needs the name of an abstract socket") }
    return .abstract(String(name))
  }

  /// The name of a passed socket, as FileDescriptorName= of systemd.socket(5) allows it: 1 to 255
  /// ASCII characters without `:` and control characters.
  static func socketName(_ text: Substring) throws(SpecError) -> String {
    let fits = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
    guard fits, (1...255).contains(text.utf8.count) else {
      throw SpecError(
        "\(quoted("@" + text)) names no socket: after @ comes the name of a passed socket, "
          + "1 to 255 ASCII characters without a colon")
    }
    return String(text)
  }

  /// `HOST:PORT`, `[V6]:PORT`, `:PORT`, and without a port where there is a default one.
  static func parseAuthority(
    _ text: Substring, defaultPort: Int?, forms: String
  ) throws(SpecError) -> Target {
    let host: Substring
    let portText: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else {
        throw SpecError("the bracket in \(quoted(String(text))) is not closed")
      }
      host = text[text.index(after: text.startIndex)..<end]
      let after = text[text.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else {
        throw SpecError("after the bracket in \(quoted(String(text))) only :PORT may come")
      }
      portText = after.isEmpty ? nil : after.dropFirst()
      // NIO would look up the interface behind the % now; it may come and go.
      if host.contains("%") {
        throw SpecError("an IPv6 address with a zone, \(quoted(String(host))), is not possible")
      }
      let literal = try? SocketAddress(ipAddress: String(host), port: 0)
      guard literal?.protocol == .inet6 else {
        throw SpecError("\(quoted(String(host))) in brackets is not an IPv6 address")
      }
    } else {
      let colons = text.utf8.count { $0 == UInt8(ascii: ":") }
      if colons > 1 {
        throw SpecError(
          "\(quoted(String(text))) has too many colons: an IPv6 address stands in brackets, "
            + "as in [::1]:8080")
      }
      let colon = text.firstIndex(of: ":")
      host = text[..<(colon ?? text.endIndex)]
      portText = colon.map { text[text.index(after: $0)...] }
    }

    let port: Int
    if let portText {
      port = try parsePort(portText)
    } else if let defaultPort {
      port = defaultPort
    } else {
      throw SpecError("\(quoted(String(text))) has no port: \(forms)")
    }
    if host.isEmpty {
      if defaultPort != nil { throw SpecError("\(quoted(String(text))) names no host") }
      return .loopback(port: port)
    }
    if (try? SocketAddress(ipAddress: String(host), port: port)) != nil {
      return .address(String(host), port: port)
    }
    guard isHostName(host) else {
      throw SpecError("\(quoted(String(host))) is neither an address nor the name of a host")
    }
    return .host(String(host), port: port)
  }

  /// 1 to 65535, in digits.
  static func parsePort(_ text: Substring) throws(SpecError) -> Int {
    guard let port = wholeNumber(text), (1...65535).contains(port) else {
      throw SpecError("\(quoted(String(text))) is not a port: a port is a number from 1 to 65535")
    }
    return port
  }

  /// Letters, digits, hyphens, dots and underscores, at most 253, and no hyphen or dot in front.
  static func isHostName(_ text: Substring) -> Bool {
    guard (1...253).contains(text.utf8.count), text.first != "-", text.first != "." else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
