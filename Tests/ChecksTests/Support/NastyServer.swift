import Glibc
import Synchronization

/// A server over plain sockets that behaves exactly as badly as a test wants. One thread accepts
/// and serves the connections one after another.
final class NastyServer: Sendable {
  enum Place {
    case v4, v6, anyV4, anyV6, anyV6Only
    case unix(String)
    case abstract(String)
  }

  let descriptor: CInt
  /// 0 for a Unix socket.
  let port: Int
  private let thread: Mutex<pthread_t?> = Mutex(nil)
  private let received: Mutex<[String]> = Mutex([])

  /// - Parameter behave: what to do with each connection, which is closed afterwards; nil never
  ///   accepts one.
  init(
    _ place: Place = .v4, port wanted: Int = 0, backlog: CInt = 64,
    behave: (@Sendable (Connection) -> Void)?
  ) throws {
    let bound = try Self.bind(place, port: wanted)
    descriptor = bound.descriptor
    port = bound.port
    guard listen(descriptor, backlog) == 0 else { throw SystemError("listen") }
    if let behave { start(behave) }
  }

  /// A server that reads each request and answers all of them the same way.
  convenience init(_ place: Place = .v4, answer: String) throws {
    try self.init(place) { connection in
      connection.readRequest()
      connection.send(answer)
    }
  }

  /// The requests as they came in.
  var requests: [String] { received.withLock { $0 } }

  /// Ends the thread and the listening socket.
  func stop() {
    shutdown(descriptor, CInt(SHUT_RDWR))
    if let thread = thread.withLock({ $0 }) { pthread_join(thread, nil) }
    close(descriptor)
  }

  private func start(_ behave: @escaping @Sendable (Connection) -> Void) {
    let descriptor = descriptor
    let work = Work { [self] in
      while true {
        let accepted = accept(descriptor, nil, nil)
        if accepted < 0 { return }
        let connection = Connection(descriptor: accepted) { request in
          self.received.withLock { $0.append(request) }
        }
        behave(connection)
        close(accepted)
      }
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    self.thread.withLock { $0 = thread }
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func bind(
    _ place: Place, port: Int
  ) throws -> (descriptor: CInt, port: Int) {
    switch place {
    case .v4, .anyV4:
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      if case .v4 = place { address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian }
      return try bind(AF_INET, &address, v6Only: false)
    case .v6, .anyV6, .anyV6Only:
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(port).bigEndian
      if case .v6 = place { withUnsafeMutableBytes(of: &address.sin6_addr) { $0[15] = 1 } }
      if case .anyV6 = place { return try bind(AF_INET6, &address, v6Only: false) }
      return try bind(AF_INET6, &address, v6Only: true)
    case .unix(let path): return try bindUnix(Array(path.utf8) + [0])
    case .abstract(let name): return try bindUnix([0] + Array(name.utf8))
    }
  }

  private static func bind<Address>(
    _ family: CInt, _ address: inout Address, v6Only: Bool
  ) throws -> (descriptor: CInt, port: Int) {
    let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemError("socket") }
    var on: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
    if family == AF_INET6 {
      var only: CInt = v6Only ? 1 : 0
      setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &only, 4)
    }
    var length = socklen_t(MemoryLayout<Address>.size)
    let port = withUnsafeMutableBytes(of: &address) { bytes -> Int? in
      let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      guard Glibc.bind(descriptor, pointer, length) == 0,
        getsockname(descriptor, pointer, &length) == 0
      else { return nil }
      // The port stands behind the family in both kinds of address.
      return Int(bytes[2]) << 8 | Int(bytes[3])
    }
    guard let port else { throw SystemError("bind") }
    return (descriptor, port)
  }

  private static func bindUnix(_ name: [UInt8]) throws -> (descriptor: CInt, port: Int) {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemError("socket") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sa_family_t>.size + name.count))
      }
    }
    guard status == 0 else { throw SystemError("bind") }
    return (descriptor, 0)
  }
}

/// What failed, and why.
struct SystemError: Error, CustomStringConvertible {
  let description: String
  init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
}

/// One accepted connection, as the server sees it.
struct Connection: Sendable {
  let descriptor: CInt
  let note: @Sendable (String) -> Void

  /// Reads up to the empty line that ends a request without a body.
  @discardableResult
  func readRequest() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8), recv(descriptor, &byte, 1, 0) == 1 {
      bytes.append(byte)
    }
    let request = String(decoding: bytes, as: UTF8.self)
    note(request)
    return request
  }

  /// - Returns: whether all of it went out.
  @discardableResult
  func send(_ text: String) -> Bool {
    send(Array(text.utf8))
  }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Sends the text over and over until the other side is gone.
  func sendWithoutEnd(_ text: String) {
    let bytes = Array(text.utf8)
    while send(bytes) {}
  }

  /// Sends one byte each 10 ms until the other side is gone.
  func trickle(_ byte: Character) {
    while send(String(byte)) { usleep(10_000) }
  }

  /// Says nothing until the other side is gone.
  func stayUntilPeerEnds() {
    var byte: UInt8 = 0
    while recv(descriptor, &byte, 1, 0) == 1 {}
  }

  /// Makes the close that follows a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  /// Ends this side's half of the connection, and waits until the other side has ended its own.
  func endAndWait() {
    shutdown(descriptor, CInt(SHUT_WR))
    stayUntilPeerEnds()
  }
}
