import CSystemd
import Glibc

/// One descriptor that systemd passed (sd_listen_fds(3)): a listening socket, a datagram socket, a
/// connection of an Accept=yes unit, a FIFO.
public struct PassedSocket: Sendable {
  /// From 3 up, in the order of the .socket units.
  public var descriptor: Int32
  /// FileDescriptorName= of its .socket unit; "unknown" where systemd told none.
  public var name: String

  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }
}

public struct PassedSockets: Sendable {
  public var all: [PassedSocket]
  /// Whether the names came from LISTEN_FDNAMES, or stand in for it.
  public var areNamed: Bool

  public static let none = PassedSockets(all: [], areNamed: false)

  /// What LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES say is ours, each made close-on-exec.
  ///
  /// Sockets that are meant for another process (LISTEN_PID is not ours) are none of ours, and no
  /// error, as sd_listen_fds(3) has it.
  ///
  /// - Throws: `SystemdError` where the variables are malformed or a descriptor is not open.
  public static func received() throws(SystemdError) -> PassedSockets {
    OwnNumber.claim("LISTEN_PID")
    // Read before the call, for the error: which of the three was wrong it does not tell.
    let seen = SystemdError.environment("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = sd_listen_fds_with_names(0, &names)
    guard count >= 0 else {
      throw SystemdError("the passed sockets (\(seen))", count)
    }
    defer {
      for index in 0..<Int(count) { free(names?[index]) }
      free(names)
    }
    let sockets = (0..<count).map { index in
      PassedSocket(
        descriptor: firstPassedDescriptor + index,
        name: names?[Int(index)].map { String(cString: $0) } ?? "unknown")
    }
    return PassedSockets(all: sockets, areNamed: getenv("LISTEN_FDNAMES") != nil)
  }
}

/// SD_LISTEN_FDS_START of sd-daemon.h.
private let firstPassedDescriptor: Int32 = 3
