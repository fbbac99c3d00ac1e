import Glibc

/// Why a socket could not be opened.
public struct OpenFailure: Error, Hashable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    /// Somebody listens there.
    case inUse
    /// A path at which there is something else than a socket.
    case notASocket
    /// What failed, and its errno.
    case system(String, Int32)
  }

  public var address: ListenAddress
  public var reason: Reason

  public var description: String {
    switch reason {
    case .inUse: "\(address.shown) is in use already"
    case .notASocket: "\(address.shown) exists, and is no socket: it is left alone"
    case .system(let call, let code):
      "\(address.shown) cannot be listened on: \(call): \(String(cString: strerror(code)))\(hint(code))"
    }
  }

  private func hint(_ code: Int32) -> String {
    switch (code, address.place) {
    case (EACCES, .everywhere(let port)), (EACCES, .ip4(_, let port)), (EACCES, .ip6(_, let port)):
      port < 1024
        ? "; a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE, or a .socket unit"
        : ""
    case (EACCES, .path), (EPERM, .path), (EROFS, .path):
      "; the user needs to be allowed to write to the folder, such as one of RuntimeDirectory="
    case (EADDRNOTAVAIL, _): "; freebind=yes takes an address that this machine has not yet"
    case (EAFNOSUPPORT, _):
      "; this machine has no such addresses, or RestrictAddressFamilies= lacks them"
    default: ""
    }
  }
}
