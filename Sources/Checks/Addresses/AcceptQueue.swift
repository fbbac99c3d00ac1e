import Glibc
import NIOCore

/// The queue of a listening socket: the connections that the kernel has completed and that nobody has
/// accepted yet.
struct AcceptQueue {
  let listener: CInt
  private let diag: SocketDiag

  init(listener: CInt, diag: SocketDiag) {
    self.listener = listener
    self.diag = diag
  }

  /// Whether this connection to the listening socket has been accepted.
  ///
  /// An empty queue says so at once: a listening socket is readable while its queue is not empty
  /// (accept(2)). On a busy server it may never be seen empty; then the kernel is asked for the other
  /// side of the connection: what was not accepted belongs to no file and has inode 0.
  ///
  /// - Parameter unixClient: the inode of the connection's own socket, for a Unix socket.
  func hasLet(through channel: any Channel, unixClient: UInt32) -> Bool {
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    if poll(&entry, 1, 0) == 0 { return true }
    guard let server = channel.remoteAddress.flatMap(IPEndpoint.init),
      let client = channel.localAddress.flatMap(IPEndpoint.init)
    else {
      return ((try? diag.unixServer(client: unixClient)) ?? 0) != 0
    }
    do throws(SocketDiag.Trouble) {
      // Gone, it was accepted and closed since: the kernel closes what is left in a queue only with
      // the queue.
      return try diag.server(server, client: client).map { $0.inode != 0 || !$0.isOpen } ?? true
    } catch {
      return ["/proc/net/tcp", "/proc/net/tcp6"].contains { path in
        Self.isAccepted(table: path, server: Int(server.port), client: Int(client.port))
      }
    }
  }

  /// Where the kernel does not answer such questions: looks for the server's side of a connection in a
  /// table as proc(5) describes it. On a busy machine that takes milliseconds.
  private static func isAccepted(table path: String, server: Int, client: Int) -> Bool {
    guard let file = fopen(path, "re") else { return false }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, file) > 0, let line {
      if let row = Row(String(cString: line)), row.local == server, row.remote == client {
        return row.inode != 0
      }
    }
    return false
  }

  /// One line of /proc/net/tcp: the ports of both sides, and the inode.
  struct Row: Hashable {
    let local: Int
    let remote: Int
    let inode: Int

    init?(_ line: String) {
      let fields = line.split(separator: " ")
      guard fields.count > 9, let local = Self.port(fields[1]), let remote = Self.port(fields[2]),
        let inode = Int(fields[9])
      else { return nil }
      (self.local, self.remote, self.inode) = (local, remote, inode)
    }

    private static func port(_ address: Substring) -> Int? {
      address.split(separator: ":").last.flatMap { Int($0, radix: 16) }
    }
  }
}
