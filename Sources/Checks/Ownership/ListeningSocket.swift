/// A listening stream socket of this machine, as the kernel tells of it (sock_diag(7)).
struct ListeningSocket: Hashable {
  /// What names it in /proc/PID/fd.
  var inode: UInt32
  /// The user it belongs to; nil where the kernel does not tell, as of Unix sockets.
  var user: UInt32?
  /// Connections that wait to be accepted, and how many may: Linux takes one more (listen(2)).
  var queued: UInt32
  var backlog: UInt32
}

/// A listening TCP socket, and where.
struct TCPListener: Hashable {
  var socket: ListeningSocket
  var address: SIMD16<UInt8>
  var isV6: Bool
  /// IPV6_V6ONLY: takes no IPv4 connection (ipv6(7)).
  var isV6Only: Bool

  /// Those that the kernel may hand a connection to `target` to: the ones bound to that very address,
  /// and only where there is none the ones bound to all (inet_lookup_listener in
  /// net/ipv4/inet_hashtables.c). Among several it takes what SO_REUSEPORT says.
  static func reached(_ all: [TCPListener], at target: IPEndpoint) -> [ListeningSocket] {
    let exact = all.filter { $0.address == target.address }
    if !exact.isEmpty { return exact.map(\.socket) }
    return all.filter { listener in
      if !listener.isV6 { return target.isV4Address && listener.address == IPEndpoint.anyV4 }
      return listener.address == IPEndpoint.anyV6 && !(target.isV4Address && listener.isV6Only)
    }.map(\.socket)
  }
}
