import Adopt
import CAdopt
import Checks
import Foundation
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Launch

/// A socket as systemd would pass it.
final class PassedSocket: Sendable {
  let descriptor: CInt
  let port: UInt16

  /// - Parameters:
  ///   - v6Only: of an IPv6 one; nil for IPv4.
  ///   - backlog: nil for a datagram socket.
  init(host: UInt32 = 0x7F00_0001, v6Only: Bool? = nil, backlog: CInt? = 128) throws {
    let type = backlog == nil ? SOCK_DGRAM : SOCK_STREAM
    let kind = CInt(type.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = socket(v6Only == nil ? AF_INET : AF_INET6, kind, 0)
    try #require(descriptor >= 0)
    var yes: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var storage = sockaddr_storage()
    if let v6Only {
      var only: CInt = v6Only ? 1 : 0
      setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &only, 4)
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = host.bigEndian
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
    }
    let descriptor = descriptor
    let bound = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    try #require(bound)
    port = withUnsafeBytes(of: storage) {
      UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))
    }
    if let backlog { try #require(listen(descriptor, backlog) == 0) }
  }

  deinit { close(descriptor) }

  var isNonblocking: Bool { fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0 }

  func option(_ level: CInt, _ name: CInt) -> CInt {
    var value: CInt = -1
    var length = socklen_t(4)
    getsockopt(descriptor, level, name, &value, &length)
    return value
  }

  var backlog: UInt32 {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &length)
    return info.tcpi_sacked
  }
}

/// What a program under adoption did.
struct Outcome {
  var exit: Launch.ExitStatus
  var output: String
  var reports: [AdoptReport]

  var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// Runs programs under adoption.
struct Harness {
  let adoption: Adoption

  init(_ sockets: PassedSocket..., options: AdoptOptions = AdoptOptions()) throws {
    adoption = try Adoption(
      sockets.enumerated().map { ($0.element.descriptor, "socket\($0.offset)") }, options: options)
  }

  /// What every script begins with: `one(family, type)` makes a socket, `same(a, b)` says whether two
  /// are one.
  private static let prelude = """
    import errno, fcntl, os, signal, socket, struct, sys, threading, time
    PORTS = [int(p) for p in os.environ['PORTS'].split()]
    PORT = PORTS[0]
    def inode(s): return os.fstat(s.fileno()).st_ino
    """

  /// A program that runs under adoption.
  struct Running {
    let process: ProcessID
    let output: FileDescriptor
    let collected: Collected

    /// Waits for its end.
    func end() throws -> Outcome {
      defer { try? output.close() }
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        var waiting = pollfd(fd: output.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 30_000) > 0 else {
          try? process.send(.kill)
          break
        }
        let count = try buffer.withUnsafeMutableBytes { try output.read(into: $0) }
        if count == 0 { break }
        bytes += buffer[..<count]
      }
      var status: CInt = 0
      while waitpid(process.rawValue, &status, 0) < 0 && errno == EINTR {}
      // The thread ends when the last process has: all that was reported is here then.
      for _ in 0..<2000 where !collected.isOver { usleep(1000) }
      #expect(collected.isOver, "the supervising thread goes on")
      return Outcome(
        exit: Launch.ExitStatus(waitStatus: status), output: String(decoding: bytes, as: UTF8.self),
        reports: collected.reports)
    }
  }

  /// What the supervising thread tells.
  final class Collected: Sendable {
    private let state = Mutex<(reports: [AdoptReport], isOver: Bool)>(([], false))
    func add(_ report: AdoptReport) { state.withLock { $0.reports.append(report) } }
    func end() { state.withLock { $0.isOver = true } }
    var reports: [AdoptReport] { state.withLock { $0.reports } }
    var isOver: Bool { state.withLock { $0.isOver } }
  }

  /// Starts a script of Python.
  func start(_ script: String, _ ports: [UInt16]) throws -> Running {
    let environment = ChildEnvironment.current
    guard
      case .found(let paths) = CommandResolver.resolve(
        Array("python3".utf8), searchPath: environment["PATH"])
    else { throw Errno.noSuchFileOrDirectory }
    var request = LaunchRequest(
      paths: paths,
      arguments: ["python3", "-S", "-c", Self.prelude + "\n" + script].map { Array($0.utf8) },
      environment: environment.setting(
        "PORTS", to: Array(ports.map(String.init).joined(separator: " ").utf8)),
      signals: SignalState())
    let pipe = try FileDescriptor.pipe()
    _ = fcntl(pipe.readEnd.rawValue, F_SETFD, FD_CLOEXEC)
    _ = fcntl(pipe.writeEnd.rawValue, F_SETFD, FD_CLOEXEC)
    request.standardInput = .null
    request.standardOutput = .descriptor(pipe.writeEnd)
    request.standardError = .descriptor(pipe.writeEnd)
    let start = try adoption.prepare()
    request.preparation = .init(AdoptionStart.install, start.filter)
    let process = try launch(request)
    try pipe.writeEnd.close()
    let collected = Collected()
    try start.begin { body in
      DetachedThread.run {
        body()
        collected.end()
      }
    } report: {
      collected.add($0)
    }
    return Running(process: process, output: pipe.readEnd, collected: collected)
  }

  func run(_ script: String, _ ports: UInt16...) throws -> Outcome {
    try start(script, ports).end()
  }
}
