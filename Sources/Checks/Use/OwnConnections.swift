import CSocketDiag
import NIOCore

/// The connections that the probes of this process make: `--exit-idle` does not count them.
///
/// What was closed is remembered for a while, since the server's side may take a moment to follow.
public final class OwnConnections {
  private static let remembered = 32

  private(set) var open: [ObjectIdentifier: IPEndpoint] = [:]
  private(set) var closed: [IPEndpoint] = []
  private(set) var unix: [ObjectIdentifier: UInt32] = [:]
  /// The server's side of each Unix connection that was closed after a server had accepted it.
  private(set) var unixServers: [UInt32] = []

  /// The runs of probes that are about to have a connection, and since when.
  private var connecting: [ObjectIdentifier: NIODeadline] = [:]
  private var lastConnecting: NIODeadline?

  public init() {}

  /// Whether an arrival that is told just now may be one of these.
  ///
  /// - Parameters:
  ///   - connectTime: how long one may take to arrive. A check that connects for longer, to a server that
  ///     does not accept, must not hide what others bring.
  ///   - settling: how long after it stands it may be told.
  public func mayArrive(connectTime: TimeAmount, settling: TimeAmount) -> Bool {
    let now = NIODeadline.now()
    return connecting.values.contains { now < $0 + connectTime }
      || lastConnecting.map { now < $0 + settling } ?? false
  }

  /// To be called before a run of a probe connects; any number of times.
  func begin(_ run: ConnectionRun) {
    connecting[ObjectIdentifier(run)] = .now()
  }

  /// To be called once the connection stands, and where none is to be made any more.
  func end(_ run: ConnectionRun) {
    if connecting.removeValue(forKey: ObjectIdentifier(run)) != nil { lastConnecting = .now() }
  }

  /// - Parameter unixClient: the inode of a Unix connection's own socket.
  func note(_ channel: any Channel, unixClient: UInt32) {
    let id = ObjectIdentifier(channel)
    let end = channel.localAddress.flatMap(IPEndpoint.init)
    if let end { open[id] = end } else { unix[id] = unixClient }
    channel.closeFuture.assumeIsolated().whenComplete { _ in
      self.unix[id] = nil
      guard let end = self.open.removeValue(forKey: id) else { return }
      self.closed.append(end)
      if self.closed.count > Self.remembered { self.closed.removeFirst() }
    }
  }

  /// To be called before the connection is closed: afterwards nothing tells whose a Unix connection's
  /// other side is.
  func willClose(_ channel: any Channel) {
    guard let client = unix[ObjectIdentifier(channel)],
      let server = try? SocketDiag().unixServer(client: client), server != 0
    else { return }
    unixServers.append(server)
    if unixServers.count > Self.remembered { unixServers.removeFirst() }
  }
}

extension csocketdiag_end {
  init(_ end: IPEndpoint) {
    self.init()
    withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: end.address, as: SIMD16<UInt8>.self) }
    port = end.port
  }
}
