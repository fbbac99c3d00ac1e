/// A socket to hand over, as far as a program may have to be told of it.
public struct HandedSocket: Hashable, Sendable {
  /// The number that it has in vouch.
  public var descriptor: Int32
  /// FileDescriptorName= of its .socket unit, or the NAME of its --listen.
  public var name: String
  public var address: Address

  public enum Address: Hashable, Sendable {
    /// The host as inet_ntop(3) writes it.
    case ip4(host: String, port: UInt16)
    /// The host as inet_ntop(3) writes it, with %SCOPE behind a link-local one.
    case ip6(host: String, port: UInt16)
    /// A Unix socket's path, of which the kernel knows nothing but that it has no NUL.
    case path([UInt8])
    /// A Unix socket's name in the abstract namespace, without the NUL in front.
    case abstract([UInt8])
    /// Anything else; in words, such as "a FIFO".
    case other(String)
  }

  public init(descriptor: Int32, name: String, address: Address) {
    self.descriptor = descriptor
    self.name = name
    self.address = address
  }
}

extension HandedSocket.Address: CustomStringConvertible {
  /// HOST:PORT as it is written to bind or connect; a path; @NAME.
  public var description: String {
    switch self {
    case .ip4(let host, let port): "\(host):\(port)"
    case .ip6(let host, let port): "[\(host)]:\(port)"
    case .path(let path): String(decoding: path, as: UTF8.self)
    case .abstract(let name): "@" + String(decoding: name, as: UTF8.self)
    case .other(let words): words
    }
  }
}

/// The sockets as the child gets them, from 3 up.
struct HandedSockets {
  /// SD_LISTEN_FDS_START of sd-daemon.h, which every protocol here keeps to.
  static let start = 3

  let all: [HandedSocket]

  init(_ all: [HandedSocket]) {
    self.all = all
  }

  /// Each with its number in the child.
  var numbered: [(number: Int, socket: HandedSocket)] {
    all.enumerated().map { (Self.start + $0.offset, $0.element) }
  }

  /// Those of a name, or all.
  func named(_ name: [UInt8]?) -> [(number: Int, socket: HandedSocket)] {
    guard let name else { return numbered }
    return numbered.filter { Array($0.socket.name.utf8) == name }
  }

  /// What there is, for messages: `3 is web (127.0.0.1:80)`.
  var inventory: String {
    numbered.map { "\($0.number) is \($0.socket.name) (\($0.socket.address))" }
      .joined(separator: ", ")
  }
}
