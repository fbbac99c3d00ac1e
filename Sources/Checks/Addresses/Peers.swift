import NIOCore

/// The addresses behind a target: known from the start, or asked of the resolver for each probe.
final class Peers {
  enum Source {
    case known
    case name(NameLookup)
  }

  let source: Source
  /// The queue of the passed socket behind the target, if it is one.
  private(set) var acceptQueue: AcceptQueue? = nil
  /// The queue of the passed socket that an address of the target may lead to: written as an address, too,
  /// it takes connections before anybody serves.
  private(set) var queueBehindAddress: AcceptQueue? = nil
  /// To find out whose answers come from there; nil where anybody's will do.
  let ownership: Ownership?
  /// The generation that is to answer; nil where any of the child's will do.
  let generation: Int?
  /// Where the connections are noted; nil where nobody wants to know.
  var own: OwnConnections? = nil
  private(set) var ownerMemory = OwnerMemory()
  /// What is known from the start, the one that last connected in front.
  private(set) var addresses: [PeerAddress]

  /// - Throws: `SpecError` where no passed socket fits the target.
  init(
    _ target: Target, listeners: [ListenerAddress], diag: SocketDiag = SocketDiag(),
    ownership: Ownership? = nil, generation: Int? = nil,
    resolve: @escaping NameLookup.Resolve
  ) throws(SpecError) {
    self.ownership = ownership
    self.generation = generation
    switch target {
    case .firstListener:
      guard let listener = listeners.first else {
        throw SpecError(
          "no listening stream socket was passed to vouch, so that a path alone has no server: "
            + "add a .socket unit or --listen PORT, or write :PORT/PATH")
      }
      addresses = listener.peers
      acceptQueue = AcceptQueue(listener: listener.descriptor, diag: diag)
      ownerMemory = OwnerMemory(passed: PassedListener(listener))
    case .listener(let name):
      guard let listener = listeners.first(where: { $0.name == name }) else {
        throw SpecError(
          "no listening stream socket named \(quoted(name)) was passed to vouch; "
            + Self.names(listeners))
      }
      addresses = listener.peers
      acceptQueue = AcceptQueue(listener: listener.descriptor, diag: diag)
      ownerMemory = OwnerMemory(passed: PassedListener(listener))
    case .loopback(let port):
      addresses = [.loopback4(port), .loopback6(port)]
    case .address(let text, let port):
      guard let address = try? SocketAddress(ipAddress: text, port: port) else {
        throw SpecError("\(quoted(text)) is not an address")
      }
      addresses = [.ip(address)]
    // RFC 6761, 6.3: this name is always the loopback, and needs no resolver.
    case .host(let name, let port) where name.lowercased() == "localhost":
      addresses = [.loopback4(port), .loopback6(port)]
    case .host(let name, let port):
      addresses = []
      source = .name(NameLookup(host: name, port: port, resolve: resolve))
      return
    case .unix(let path):
      addresses = [.unix(UnixAddress(path: path))]
    case .abstract(let name):
      addresses = [.unix(UnixAddress(abstract: name))]
    }
    source = .known
    if acceptQueue == nil,
      let listener = listeners.first(where: { $0.peers.contains(where: addresses.contains) })
    {
      queueBehindAddress = AcceptQueue(listener: listener.descriptor, diag: diag)
    }
  }

  private static func names(_ listeners: [ListenerAddress]) -> String {
    if listeners.isEmpty { return "none was passed at all" }
    return "those passed are named " + listeners.map { quoted($0.name) }.joined(separator: ", ")
  }

  /// Where several are known, the one that connected is tried first the next time.
  func prefer(_ address: PeerAddress) {
    guard addresses.count > 1, addresses.first != address,
      let place = addresses.firstIndex(of: address)
    else { return }
    addresses.remove(at: place)
    addresses.insert(address, at: 0)
  }
}
