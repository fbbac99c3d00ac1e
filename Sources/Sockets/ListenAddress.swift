import Glibc

/// Where a socket of `--listen` is bound, and of which kind it is: ListenStream=, ListenDatagram= and
/// ListenSequentialPacket= of systemd.socket(5).
public struct ListenAddress: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case stream, datagram, sequentialPacket

    /// Whether it has a listen queue.
    public var listens: Bool { self != .datagram }
  }

  public enum Place: Hashable, Sendable {
    /// All addresses of this machine, IPv6 and IPv4.
    case everywhere(port: UInt16)
    /// The address in network order.
    case ip4([UInt8], port: UInt16)
    case ip6([UInt8], port: UInt16)
    case path(String)
    /// A name in the abstract namespace, without its leading NUL (unix(7)).
    case abstract(String)
  }

  public var kind: Kind
  public var place: Place

  public init(kind: Kind, place: Place) {
    self.kind = kind
    self.place = place
  }
}

extension ListenAddress {
  static let forms =
    "PORT, ADDRESS:PORT, [V6]:PORT, /PATH or @ABSTRACT, with udp: in front of a port, or dgram: or "
    + "seqpacket: in front of a path, for other than streams"

  /// Reads an address; nothing is looked up.
  init(parsing text: some StringProtocol) throws(ListenMistake) {
    let text = String(text)
    if text.hasPrefix("udp:") {
      let rest = text.dropFirst(4)
      if rest.hasPrefix("/") || rest.hasPrefix("@") {
        throw ListenMistake(
          "\(quoted(text)): a Unix datagram socket is written dgram:\(oneLine(rest.prefix(40)))")
      }
      self.init(kind: .datagram, place: try Self.ip(rest))
    } else if text.hasPrefix("dgram:") {
      self.init(kind: .datagram, place: try Self.unix(text.dropFirst(6), of: text))
    } else if text.hasPrefix("seqpacket:") {
      self.init(kind: .sequentialPacket, place: try Self.unix(text.dropFirst(10), of: text))
    } else if text.hasPrefix("unix:") {
      // As the checks name such a socket.
      self.init(kind: .stream, place: try Self.unix(text.dropFirst(5), of: text))
    } else if text.hasPrefix("/") || text.hasPrefix("@") {
      self.init(kind: .stream, place: try Self.unix(text[...], of: text))
    } else {
      self.init(kind: .stream, place: try Self.ip(text[...]))
    }
  }

  private static func unix(_ place: Substring, of text: String) throws(ListenMistake) -> Place {
    // sun_path of unix(7) has 108 bytes, one of them for the NUL that ends a path or begins an abstract
    // name.
    let isAbstract = place.hasPrefix("@")
    guard place.utf8.count - (isAbstract ? 1 : 0) <= 107 else {
      throw ListenMistake("the socket's path \(quoted(place)) is longer than 107 bytes")
    }
    if isAbstract {
      guard place.count > 1 else {
        throw ListenMistake("\(quoted(text)): after @ comes the name of an abstract socket")
      }
      return .abstract(String(place.dropFirst()))
    }
    guard place.hasPrefix("/"), place.utf8.count > 1, !place.hasSuffix("/") else {
      throw ListenMistake("\(quoted(text)): a socket's path begins with / and names a file")
    }
    return .path(String(place))
  }

  private static func ip(_ text: Substring) throws(ListenMistake) -> Place {
    if text.hasPrefix("[") { return try ip6(text) }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return .everywhere(port: try port(parts[0], of: text))
    case 2: break
    default:
      throw ListenMistake(
        "\(quoted(text)) has too many colons: an IPv6 address stands in brackets, as in [::1]:8080")
    }
    let (host, portText) = (parts[0], parts[1])
    if host.isEmpty || host == "*" {
      throw ListenMistake(
        "\(quoted(text)): write \(portText.isEmpty ? "PORT" : oneLine(portText.prefix(20))) alone for "
          + "all addresses, or 127.0.0.1:PORT for this machine")
    }
    guard let bytes = Self.bytes(of: host, AF_INET, 4) else {
      throw ListenMistake(
        "\(quoted(host)) is no IPv4 address: names are not looked up, so give an address such as "
          + "127.0.0.1:8080 or [::1]:8080")
    }
    return .ip4(bytes, port: try port(portText, of: text))
  }

  private static func ip6(_ text: Substring) throws(ListenMistake) -> Place {
    guard let end = text.firstIndex(of: "]") else {
      throw ListenMistake("the bracket in \(quoted(text)) is not closed")
    }
    let host = text[text.index(after: text.startIndex)..<end]
    let after = text[text.index(after: end)...]
    guard after.hasPrefix(":") else {
      throw ListenMistake("after the bracket in \(quoted(text)) comes :PORT")
    }
    if host.contains("%") {
      throw ListenMistake("an IPv6 address with a zone, \(quoted(host)), is not possible")
    }
    guard let bytes = Self.bytes(of: host, AF_INET6, 16) else {
      throw ListenMistake("\(quoted(host)) in brackets is no IPv6 address")
    }
    return .ip6(bytes, port: try port(after.dropFirst(), of: text))
  }

  private static func port(
    _ digits: Substring, of text: Substring
  ) throws(ListenMistake) -> UInt16 {
    if let port = wholeNumber(digits), (1...65535).contains(port) { return UInt16(port) }
    if !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      throw ListenMistake("\(quoted(digits)) is not a port: a port is a number from 1 to 65535")
    }
    throw ListenMistake("\(quoted(text)) is no address to listen on: write \(forms)")
  }

  /// inet_pton(3), which also refuses such forms as 127.1 and 0x7f.0.0.1.
  private static func bytes(of host: Substring, _ family: CInt, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return inet_pton(family, String(host), &bytes) == 1 ? bytes : nil
  }
}

extension ListenAddress: CustomStringConvertible {
  /// As it is written behind `--listen`.
  public var description: String {
    let prefix: String
    switch (kind, place) {
    case (.stream, _): prefix = ""
    case (.datagram, .path), (.datagram, .abstract): prefix = "dgram:"
    case (.datagram, _): prefix = "udp:"
    case (.sequentialPacket, _): prefix = "seqpacket:"
    }
    switch place {
    case .everywhere(let port): return "\(prefix)\(port)"
    case .ip4(let bytes, let port):
      return prefix + bytes.map(String.init).joined(separator: ".") + ":\(port)"
    case .ip6(let bytes, let port): return "\(prefix)[\(Self.text(ip6: bytes))]:\(port)"
    case .path(let path): return prefix + path
    case .abstract(let name): return "\(prefix)@\(name)"
    }
  }

  /// The same, fit for a message of one line.
  public var shown: String { oneLine(description) }

  private static func text(ip6 bytes: [UInt8]) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      buffer.initialize(repeating: 0)
      inet_ntop(AF_INET6, bytes, buffer.baseAddress, socklen_t(buffer.count))
      return String(cString: buffer.baseAddress!)
    }
  }
}

extension ListenAddress {
  /// Whether the kernel would let only one of two sockets be bound to these addresses.
  func collides(with other: ListenAddress) -> Bool {
    switch (place, other.place) {
    case (.path(let mine), .path(let theirs)): return mine == theirs
    case (.abstract(let mine), .abstract(let theirs)):
      // Each type has a namespace of its own (unix_bind_abstract of net/unix/af_unix.c).
      return kind == other.kind && mine == theirs
    case (.path, _), (.abstract, _), (_, .path), (_, .abstract): return false
    default: break
    }
    guard kind == other.kind, port == other.port else { return false }
    let (mine, theirs) = (reach, other.reach)
    guard !mine.isDisjoint(with: theirs) else { return false }
    return isWildcard || other.isWildcard || place == other.place
  }

  private var port: UInt16? {
    switch place {
    case .everywhere(let port), .ip4(_, let port), .ip6(_, let port): port
    case .path, .abstract: nil
    }
  }

  private enum Family { case ip4, ip6 }

  private var reach: Set<Family> {
    switch place {
    case .everywhere: [.ip4, .ip6]
    case .ip4: [.ip4]
    case .ip6: [.ip6]
    case .path, .abstract: []
    }
  }

  private var isWildcard: Bool {
    switch place {
    case .everywhere: true
    case .ip4(let bytes, _), .ip6(let bytes, _): bytes.allSatisfy { $0 == 0 }
    case .path, .abstract: false
    }
  }
}
