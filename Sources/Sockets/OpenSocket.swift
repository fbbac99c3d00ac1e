import Glibc
import SocketNames

/// The sockets of `--listen` at the kernel: opened as systemd opens those of a .socket unit
/// (socket_address_listen in its src/shared/socket-label.c).
///
/// All of it returns at once. It may change the process's umask for a moment, so it is for the time
/// before there are other threads, or for the main one.
public enum OpenSocket {
  /// Opens a socket, blocking and close-on-exec, bound and listening.
  ///
  /// - Returns: its descriptor, which is the caller's to close.
  public static func open(_ spec: ListenSpec) throws(OpenFailure) -> Int32 {
    var names = spec.address.place.names
    // A machine without IPv6 has but 0.0.0.0 for a port alone.
    if spec.options.v6Only == true { names = Array(names.prefix(1)) }
    for name in names.dropLast() {
      do throws(OpenFailure) {
        return try open(spec, name)
      } catch {
        guard case .system(_, let code) = error.reason,
          code == EAFNOSUPPORT || code == EADDRNOTAVAIL
        else { throw error }
      }
    }
    return try open(spec, names[names.count - 1])
  }

  private static func open(
    _ spec: ListenSpec, _ name: SocketName
  ) throws(OpenFailure) -> Int32 {
    let descriptor = socket(
      name.family, spec.address.kind.type | CInt(SOCK_CLOEXEC.rawValue), 0)
    do throws(Failed) {
      guard descriptor >= 0 else { throw Failed("socket") }
      try setOptions(of: descriptor, spec, name)
      try bind(descriptor, spec, name)
      if spec.address.kind.listens, listen(descriptor, spec.options.queue) != 0 {
        throw Failed("listen")
      }
      return descriptor
    } catch {
      if descriptor >= 0 { close(descriptor) }
      throw OpenFailure(address: spec.address, reason: error.reason)
    }
  }

  private struct Failed: Error {
    var reason: OpenFailure.Reason

    init(_ reason: OpenFailure.Reason) { self.reason = reason }
    /// With what errno says.
    init(_ call: String) { reason = .system(call, errno) }
  }

  private static func setOptions(
    of descriptor: Int32, _ spec: ListenSpec, _ name: SocketName
  ) throws(Failed) {
    guard spec.address.isIP else { return }
    func set(_ level: CInt, _ option: CInt, _ value: Bool, _ text: String) throws(Failed) {
      var value: CInt = value ? 1 : 0
      if setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size)) != 0 {
        throw Failed("setsockopt(\(text))")
      }
    }
    let isV6 = name.family == AF_INET6
    if isV6, let v6Only = spec.v6Only {
      try set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, v6Only, "IPV6_V6ONLY")
    }
    // A restart is not to wait for the connections of before (TIME_WAIT). For datagrams it would let
    // others take the port, and with them what comes in: systemd sets it all the same, but there it is
    // the only one.
    if spec.address.kind.listens { try set(SOL_SOCKET, SO_REUSEADDR, true, "SO_REUSEADDR") }
    if spec.options.reusePort { try set(SOL_SOCKET, SO_REUSEPORT, true, "SO_REUSEPORT") }
    if spec.options.freeBind {
      // IPV6_FREEBIND of <linux/in6.h>.
      try set(
        CInt(isV6 ? IPPROTO_IPV6 : IPPROTO_IP), isV6 ? 78 : IP_FREEBIND, true, "IP_FREEBIND")
    }
  }

  private static func bind(
    _ descriptor: Int32, _ spec: ListenSpec, _ name: SocketName
  ) throws(Failed) {
    guard case .path(let path) = spec.address.place else {
      if name.with({ Glibc.bind(descriptor, $0, $1) }) == 0 { return }
      throw errno == EADDRINUSE ? Failed(.inUse) : Failed("bind")
    }
    SocketFile.makeFolders(of: path)
    // The rights are there from the first instant on.
    let mask = umask(~(spec.options.mode ?? ListenOptions.defaultMode) & 0o777)
    defer { umask(mask) }
    if name.with({ Glibc.bind(descriptor, $0, $1) }) == 0 { return }
    guard errno == EADDRINUSE else { throw Failed("bind") }
    switch SocketFile.state(of: path, spec.address.kind, name) {
    case .gone: break
    case .stale:
      // systemd takes the path whoever is behind it; a program that still serves is not to be cut
      // off by a mistake in a command line.
      if unlink(path) != 0, errno != ENOENT { throw Failed("unlink of a stale socket") }
    case .alive: throw Failed(.inUse)
    case .notASocket: throw Failed(.notASocket)
    }
    if name.with({ Glibc.bind(descriptor, $0, $1) }) != 0 { throw Failed("bind") }
  }

  /// Makes a socket fit for the next program: blocking, as systemd hands sockets over
  /// (NonBlocking=no of systemd.service(5)), and with the listen queue as it was asked for. The one
  /// before may have set O_NONBLOCK, called listen(2) with a backlog of its own, or shutdown(2): all of
  /// that belongs to the socket, not to the program.
  ///
  /// - Returns: false where it does not listen any more, and never will.
  @discardableResult
  public static func renew(_ descriptor: Int32, _ spec: ListenSpec) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    if flags >= 0, flags & O_NONBLOCK != 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    return !spec.address.kind.listens || listen(descriptor, spec.options.queue) == 0
  }

  /// Whether a socket that was kept is still to be reached: its path may have been removed, or taken by
  /// another. With it the rights are set as they are asked for now.
  public static func isReachable(_ descriptor: Int32, _ spec: ListenSpec) -> Bool {
    guard case .path(let path) = spec.address.place else { return true }
    guard SocketFile.leads(path, to: descriptor, spec.address) else { return false }
    SocketFile.setMode(of: path, spec.options.mode ?? ListenOptions.defaultMode)
    return true
  }
}

extension ListenOptions {
  /// For listen(2). The kernel takes it for unsigned, and its own limit where that is less: so -1 means
  /// as many as it lets.
  var queue: CInt { backlog ?? -1 }
}

extension ListenSpec {
  /// IPV6_V6ONLY; nil leaves it as the system has it.
  var v6Only: Bool? {
    if let asked = options.v6Only { return asked }
    if case .everywhere = address.place { return false }
    return nil
  }
}
