import CSocketDiag
import Glibc
import SocketNames

/// What the probes of one check remember of the addresses that they ask.
final class OwnerMemory {
  /// The passed socket behind the target, if it is one.
  let passed: PassedListener?
  /// The listening sockets of an address as they last were, by inode.
  var seen: [PeerAddress: Set<UInt32>] = [:]
  /// The last byte of a request waits until it is known who gets it: until the child was found to
  /// listen there, and wherever it is not alone. A request may do things, and is not for strangers.
  ///
  /// Not so at first on a passed socket, where it would wait for a scan for strangers that are hardly
  /// ever there.
  var isCareful: Bool

  init(passed: PassedListener? = nil) {
    self.passed = passed
    isCareful = passed == nil
  }
}

/// A listening socket of vouch's own.
struct PassedListener {
  let descriptor: CInt
  let inode: UInt32
  private let isTCP: Bool

  init(_ listener: ListenerAddress) {
    descriptor = listener.descriptor
    inode = csocketdiag_inode(listener.descriptor)
    if case .ip = listener.place { isTCP = true } else { isTCP = false }
  }

  /// Whether no other socket can take connections to its address as long as it listens: bind(2) sees
  /// to that for TCP, unless SO_REUSEPORT is set (socket(7)). The path of a Unix socket can be bound
  /// anew at any time.
  var isAlone: Bool {
    isTCP && socketOption(descriptor, SOL_SOCKET, SO_REUSEPORT) == 0
  }
}
