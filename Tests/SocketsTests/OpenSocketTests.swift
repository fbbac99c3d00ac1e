import Glibc
import SocketNames
import Testing

@testable import Sockets

/// A folder in /tmp, gone with this value.
final class Folder {
  let path: String

  init() {
    var template = Array("/tmp/vouch-sockets-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  deinit {
    for name in ["a", "b/c/s", "b/c", "b", "s"] {
      if unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") }
    }
    rmdir(path)
  }

  func mode(_ name: String) -> mode_t {
    var status = stat()
    return lstat("\(path)/\(name)", &status) == 0 ? status.st_mode & 0o777 : 0
  }
}

/// A descriptor, closed with this value.
final class Open {
  let descriptor: Int32
  init(_ descriptor: Int32) { self.descriptor = descriptor }
  convenience init(_ text: String) throws {
    self.init(try OpenSocket.open(spec(text)))
  }
  deinit { close(descriptor) }

  func option(_ level: CInt, _ name: CInt) -> CInt? { socketOption(descriptor, level, name) }
}

/// Connects to a place; 0, or the errno.
func connect(_ place: ListenAddress.Place, _ type: ListenAddress.Kind = .stream) -> Int32 {
  let name = place.names[0]
  let client = socket(name.family, type.type | CInt(SOCK_CLOEXEC.rawValue), 0)
  defer { close(client) }
  return name.with { connect(client, $0, $1) } == 0 ? 0 : errno
}

/// A port that nobody listens on.
func freePort() throws -> UInt16 {
  let probe = Open(socket(AF_INET6, ListenAddress.Kind.stream.type, 0))
  let any = SocketName(ip6: [UInt8](repeating: 0, count: 16), port: 0)
  try #require(any.with { bind(probe.descriptor, $0, $1) } == 0)
  try #require(listen(probe.descriptor, 1) == 0)
  guard case .ip6(_, let port) = try #require(BoundAddress(of: probe.descriptor)).place else {
    throw ListenMistake("no port")
  }
  return port
}

/// Serialized: a umask belongs to the whole process.
@Suite("sockets opened at the kernel", .serialized) struct OpenSocketTests {
  private static let v4 = [127, 0, 0, 1] as [UInt8]
  private static let v6 = [UInt8](repeating: 0, count: 15) + [1]

  private func failure(_ text: String) -> OpenFailure.Reason? {
    do {
      close(try OpenSocket.open(spec(text)))
      return nil
    } catch {
      return (error as? OpenFailure)?.reason
    }
  }

  @Test("a port alone is reached over IPv4 and IPv6")
  func dualStack() throws {
    let port = try freePort()
    let open = try Open("\(port)")
    #expect(connect(.ip4(Self.v4, port: port)) == 0)
    #expect(connect(.ip6(Self.v6, port: port)) == 0)
    #expect(open.option(CInt(IPPROTO_IPV6), IPV6_V6ONLY) == 0)
    #expect(try spec("\(port)").address.isMet(by: #require(BoundAddress(of: open.descriptor))))
  }

  @Test("with v6only=yes only over IPv6, and 0.0.0.0 is free for another")
  func v6Only() throws {
    let port = try freePort()
    let open = try Open("\(port) v6only=yes")
    #expect(connect(.ip6(Self.v6, port: port)) == 0)
    #expect(connect(.ip4(Self.v4, port: port)) == ECONNREFUSED)
    let other = try Open("0.0.0.0:\(port)")
    #expect(connect(.ip4(Self.v4, port: port)) == 0)
    _ = (open, other)
  }

  @Test("an address is reached there alone")
  func address() throws {
    let port = try freePort()
    let v4 = try Open("127.0.0.1:\(port)")
    #expect(connect(.ip4(Self.v4, port: port)) == 0)
    #expect(connect(.ip4([127, 0, 0, 2], port: port)) == ECONNREFUSED)
    let v6 = try Open("[::1]:\(port)")
    #expect(connect(.ip6(Self.v6, port: port)) == 0)
    _ = (v4, v6)
  }

  @Test(
    "blocking and close-on-exec, whatever the kind",
    arguments: [
      "PORT", "udp:PORT", "@vouch-test-PORT", "dgram:@vouch-test-PORT", "seqpacket:@v-PORT",
    ])
  func flags(text: String) throws {
    let open = try Open(text.replacing("PORT", with: "\(freePort())"))
    #expect(fcntl(open.descriptor, F_GETFD) == FD_CLOEXEC)
    #expect(fcntl(open.descriptor, F_GETFL) & O_NONBLOCK == 0)
    let listens = !text.contains("udp") && !text.contains("dgram")
    #expect(open.option(SOL_SOCKET, SO_ACCEPTCONN) == (listens ? 1 : 0))
  }

  @Test("a datagram arrives")
  func datagrams() throws {
    let port = try freePort()
    let open = try Open("udp:\(port)")
    let client = Open(socket(AF_INET, ListenAddress.Kind.datagram.type, 0))
    let name = ListenAddress.Place.ip4(Self.v4, port: port).names[0]
    #expect(name.with { sendto(client.descriptor, "x", 1, 0, $0, $1) == 1 ? 0 : errno } == 0)
    var buffer = [UInt8](repeating: 0, count: 8)
    #expect(recv(open.descriptor, &buffer, 8, 0) == 1)
    // Nobody else gets them.
    #expect(failure("udp:\(port)") == .inUse)
  }

  @Test("an address that is taken is in use, with reuse-port=yes on both sides it is not")
  func inUse() throws {
    let port = try freePort()
    let open = try Open("127.0.0.1:\(port)")
    #expect(failure("127.0.0.1:\(port)") == .inUse)
    #expect(failure("\(port)") == .inUse)
    #expect(failure("127.0.0.1:\(port) reuse-port=yes") == .inUse)
    let shared = try freePort()
    let first = try Open("\(shared) reuse-port=yes")
    let second = try Open("\(shared) reuse-port=yes")
    _ = (open, first, second)
  }

  @Test("a port whose connections are not forgotten yet can be listened on at once")
  func timeWait() throws {
    let port = try freePort()
    let name = ListenAddress.Place.ip4(Self.v4, port: port).names[0]
    do {
      let open = try Open("127.0.0.1:\(port)")
      let client = Open(socket(AF_INET, ListenAddress.Kind.stream.type, 0))
      #expect(name.with { connect(client.descriptor, $0, $1) } == 0)
      // The side that closes first keeps the address in TIME_WAIT.
      close(accept(open.descriptor, nil, nil))
    }
    _ = try Open("127.0.0.1:\(port)")
  }

  @Test("an address that this machine does not have needs freebind=yes")
  func freeBind() throws {
    let port = try freePort()
    // TEST-NET-1 and the documentation prefix (RFC 5737, RFC 3849).
    #expect(failure("192.0.2.1:\(port)") == .system("bind", EADDRNOTAVAIL))
    #expect(failure("[2001:db8::1]:\(port)") == .system("bind", EADDRNOTAVAIL))
    _ = try Open("192.0.2.1:\(port) freebind=yes")
    _ = try Open("[2001:db8::1]:\(port) freebind=yes")
  }

  /// How many connections a Unix socket lets wait.
  private func room(_ path: String) -> Int {
    var clients: [Open] = []
    let name = ListenAddress.Place.path(path).names[0]
    while clients.count < 100 {
      let client = Open(
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0))
      guard name.with({ connect(client.descriptor, $0, $1) }) == 0 else { break }
      clients.append(client)
    }
    return clients.count
  }

  @Test("backlog= is how many may wait; without it as many as the kernel lets")
  func backlog() throws {
    let folder = Folder()
    // Linux takes one more (listen(2)).
    let small = try Open("\(folder.path)/s backlog=3")
    #expect(room("\(folder.path)/s") == 4)
    _ = small
    let large = try Open("\(folder.path)/a")
    #expect(room("\(folder.path)/a") == 100)
    _ = large
  }

  @Test(
    "mode= holds whatever the umask, and is 0666 without; the umask stays",
    arguments: [(" mode=0640", 0o640), (" mode=0777", 0o777), ("", 0o666)])
  func mode(option: String, wanted: mode_t) throws {
    let folder = Folder()
    let before = umask(0o077)
    defer { umask(before) }
    let open = try Open("\(folder.path)/b/c/s\(option)")
    #expect(folder.mode("b/c/s") == wanted)
    // DirectoryMode=
    #expect(folder.mode("b") == 0o755)
    #expect(folder.mode("b/c") == 0o755)
    #expect(umask(0o077) == 0o077)
    _ = open
  }

  @Test("a socket that nobody has open any more is replaced")
  func stalePath() throws {
    let folder = Folder()
    for kind in ["", "dgram:", "seqpacket:", ""] {
      _ = try Open("\(kind)\(folder.path)/s")
    }
    let open = try Open("\(folder.path)/s")
    #expect(connect(.path("\(folder.path)/s")) == 0)
    _ = open
  }

  @Test(
    "a socket that somebody has open is not, of whatever kind",
    arguments: ["", "dgram:", "seqpacket:"])
  func livePath(kind: String) throws {
    let folder = Folder()
    let open = try Open("\(kind)\(folder.path)/s")
    #expect(failure("\(folder.path)/s") == .inUse)
    #expect(failure("dgram:\(folder.path)/s") == .inUse)
    // And is whole.
    let type: ListenAddress.Kind =
      kind == "dgram:" ? .datagram : kind.isEmpty ? .stream : .sequentialPacket
    #expect(connect(.path("\(folder.path)/s"), type) == 0)
    _ = open
  }

  @Test("one whose queue is full is alive")
  func fullQueue() throws {
    let folder = Folder()
    let open = try Open("\(folder.path)/s backlog=1")
    let name = ListenAddress.Place.path("\(folder.path)/s").names[0]
    var clients: [Open] = []
    for _ in 0..<4 {
      let client = Open(
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0))
      _ = name.with { connect(client.descriptor, $0, $1) }
      clients.append(client)
    }
    #expect(failure("\(folder.path)/s") == .inUse)
    _ = (open, clients)
  }

  @Test("what is no socket is never removed")
  func noSocket() throws {
    let folder = Folder()
    close(creat("\(folder.path)/a", 0o600))
    #expect(failure("\(folder.path)/a") == .notASocket)
    #expect(folder.mode("a") == 0o600)
    #expect(symlink("/nowhere", "\(folder.path)/s") == 0)
    #expect(failure("\(folder.path)/s") == .notASocket)
    #expect(folder.mode("s") == 0o777)
  }

  @Test("a path where no file can be is told with the reason")
  func noFolder() throws {
    #expect(failure("/proc/vouch/s") == .system("bind", ENOENT))
    let text = OpenFailure(address: try spec("80").address, reason: .system("bind", EACCES))
    #expect(text.description.contains("CAP_NET_BIND_SERVICE"))
  }

  @Test("what the last program did to a socket is undone: O_NONBLOCK, listen(2), shutdown(2)")
  func renew() throws {
    let folder = Folder()
    let text = "\(folder.path)/s backlog=3"
    let open = try Open(text)
    _ = fcntl(open.descriptor, F_SETFL, O_NONBLOCK)
    listen(open.descriptor, 20)
    #expect(OpenSocket.renew(open.descriptor, try spec(text)))
    #expect(fcntl(open.descriptor, F_GETFL) & O_NONBLOCK == 0)
    #expect(room("\(folder.path)/s") == 4)

    let port = try freePort()
    let tcp = try Open("127.0.0.1:\(port)")
    shutdown(tcp.descriptor, CInt(SHUT_RDWR))
    #expect(connect(.ip4(Self.v4, port: port)) == ECONNREFUSED)
    #expect(OpenSocket.renew(tcp.descriptor, try spec("127.0.0.1:\(port)")))
    #expect(connect(.ip4(Self.v4, port: port)) == 0)
  }

  @Test("a kept socket whose path is gone, or leads elsewhere, is out of reach; mode= is set anew")
  func reachable() throws {
    let folder = Folder()
    let path = "\(folder.path)/s"
    let open = try Open(path)
    #expect(OpenSocket.isReachable(open.descriptor, try spec("\(path) mode=0600")))
    #expect(folder.mode("s") == 0o600)
    unlink(path)
    #expect(!OpenSocket.isReachable(open.descriptor, try spec(path)))
    let stranger = try Open(path)
    #expect(!OpenSocket.isReachable(open.descriptor, try spec(path)))
    #expect(OpenSocket.isReachable(stranger.descriptor, try spec(path)))
  }

  @Test("what is bound is read off a descriptor")
  func bound() throws {
    let port = try freePort()
    let v4 = try Open("127.0.0.1:\(port)")
    #expect(
      BoundAddress(of: v4.descriptor)
        == BoundAddress(kind: .stream, place: .ip4(Self.v4, port: port)))
    let abstract = try Open("dgram:@vouch-bound-\(port)")
    #expect(
      BoundAddress(of: abstract.descriptor)
        == BoundAddress(kind: .datagram, place: .abstract("vouch-bound-\(port)")))
    let folder = Folder()
    let path = try Open("\(folder.path)/s")
    #expect(
      BoundAddress(of: path.descriptor)
        == BoundAddress(kind: .stream, place: .path("\(folder.path)/s")))
    #expect(BoundAddress(of: 0) == nil)
    #expect(BoundAddress(of: -1) == nil)
    // A connection has the address of the socket that it came from, and is none.
    let client = Open(socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
    let name = ListenAddress.Place.ip4(Self.v4, port: port).names[0]
    #expect(name.with { connect(client.descriptor, $0, $1) } == 0)
    let accepted = Open(accept(v4.descriptor, nil, nil))
    #expect(BoundAddress(of: accepted.descriptor) == nil)
  }
}
