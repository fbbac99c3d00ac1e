import Glibc
import Handover
import Launch
import SocketNames
import SystemPackage
import Systemd

extension HandedSocket {
  /// Reads off a descriptor what a program may have to be told of it.
  init(_ socket: PassedSocket) {
    self.init(
      descriptor: socket.descriptor, name: socket.name, address: Address(of: socket.descriptor))
  }
}

extension HandedSocket.Address {
  init(of descriptor: Int32) {
    guard let name = SocketName(of: descriptor) else {
      self = .other(errno == ENOTSOCK ? "no socket" : "a socket that cannot be read")
      return
    }
    if let address = name.ip4 {
      self = .ip4(host: Self.host(of: name), port: UInt16(bigEndian: address.sin_port))
    } else if let address = name.ip6 {
      self = .ip6(host: Self.host(of: name), port: UInt16(bigEndian: address.sin6_port))
    } else if let unix = name.unix {
      self =
        switch unix.first {
        case nil: .other("a Unix socket without a name")
        case 0: .abstract(Array(unix.dropFirst()))
        default: .path(unix)
        }
    } else {
      self = .other("a socket of family \(name.family)")
    }
  }

  /// As text, with the scope of a link-local address; nothing is looked up.
  private static func host(of name: SocketName) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      buffer.initialize(repeating: 0)
      let status = name.with {
        getnameinfo($0, $1, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
      }
      return status == 0 ? buffer.baseAddress.map { String(cString: $0) } ?? "" : ""
    }
  }
}

extension Handover {
  /// Sets or clears O_NONBLOCK as the program expects it, to be done before each start: a former
  /// generation may have changed it.
  ///
  /// - Parameter clear: false where another generation uses the sockets, which may rely on O_NONBLOCK.
  func setNonblocking(clear: Bool = true) {
    guard let nonblocking, nonblocking || clear else { return }
    for descriptor in descriptors + (standardInputAndOutput.map { [$0] } ?? []) {
      let flags = fcntl(descriptor, F_GETFL)
      guard flags >= 0, (flags & O_NONBLOCK != 0) != nonblocking else { continue }
      // It fails for a descriptor that is not open alone, and the launch tells of that.
      _ = fcntl(descriptor, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)
    }
  }
}

extension Handover {
  /// What the administrator should know, though nothing is wrong.
  var notices: [String] {
    removedPaths.filter(Self.mayRemove).map {
      "\(String(decoding: $0, as: UTF8.self)): php-fpm removes it when it ends, and nobody reaches the "
        + "socket then: ReadOnlyPaths= of its directory, or a User= that cannot write there, keeps it"
    }
  }

  /// Whether this process, and so the program, may remove a file of this path (unlink(2)).
  private static func mayRemove(_ path: [UInt8]) -> Bool {
    let slash = UInt8(ascii: "/")
    let end = path.lastIndex(of: slash)
    let directory = end.map { $0 == 0 ? [slash] : Array(path[..<$0]) } ?? [UInt8(ascii: ".")]
    return access(directory.map { CChar(bitPattern: $0) } + [0], W_OK | X_OK) == 0
  }
}

extension LaunchRequest {
  /// Gives the child the descriptors of a handover, and no other beside its standard streams.
  mutating func pass(_ handover: Handover) {
    descriptors = handover.descriptors.map { FileDescriptor(rawValue: $0) }
    if let descriptor = handover.standardInputAndOutput {
      standardInput = .descriptor(FileDescriptor(rawValue: descriptor))
      standardOutput = .descriptor(FileDescriptor(rawValue: descriptor))
    }
  }
}

extension ChildEnvironment {
  /// The child's environment, with what tells it of the sockets.
  func forChild(passing handover: Handover, of sockets: PassedSockets) -> ChildEnvironment {
    let told = handover.setsListenVariables ? sockets.all : []
    let environment = forChild(
      passing: told.count, names: sockets.areNamed ? told.map(\.name) : nil)
    return handover.variables.reduce(environment) { $0.setting($1.name, to: $1.value) }
  }
}
