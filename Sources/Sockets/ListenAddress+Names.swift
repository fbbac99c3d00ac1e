import Glibc
import SocketNames

extension ListenAddress.Place {
  /// The addresses to try, one after the other where one is not to be had.
  var names: [SocketName] {
    switch self {
    case .everywhere(let port):
      [
        SocketName(ip6: Array(repeating: 0, count: 16), port: port),
        SocketName(ip4: Array(repeating: 0, count: 4), port: port),
      ]
    case .ip4(let bytes, let port): [SocketName(ip4: bytes, port: port)]
    case .ip6(let bytes, let port): [SocketName(ip6: bytes, port: port)]
    case .path(let path): [SocketName(unix: Array(path.utf8))]
    case .abstract(let name): [SocketName(unix: [0] + Array(name.utf8))]
    }
  }
}

extension ListenAddress.Kind {
  var type: CInt {
    switch self {
    case .stream: CInt(SOCK_STREAM.rawValue)
    case .datagram: CInt(SOCK_DGRAM.rawValue)
    case .sequentialPacket: CInt(SOCK_SEQPACKET.rawValue)
    }
  }
}
