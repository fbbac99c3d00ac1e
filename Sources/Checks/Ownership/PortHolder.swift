import Glibc

/// Who listens on a TCP port already, for the message that says that it is in use.
public enum PortHolder {
  /// "process 123 (nginx)"; nil where the kernel does not tell. Reads all of /proc: not for the loop.
  public static func name(ofTCP port: UInt16) -> String? {
    let found = (try? SocketDiag().listeners(port: port)) ?? []
    return name(inodes: found.map(\.socket.inode))
  }

  /// The same of a Unix stream socket's path.
  public static func name(ofPath path: String) -> String? {
    let found = (try? SocketDiag().listeners(at: .unix(UnixAddress(path: path)))) ?? []
    return name(inodes: found.map(\.inode))
  }

  private static func name(inodes: [UInt32]) -> String? {
    guard !inodes.isEmpty else { return nil }
    let search = HolderSearch(root: getpid(), includesRoot: true, inodes: inodes, passed: [])
    for holding in search.run().values {
      if holding.own != nil { return "vouch itself" }
      guard let stranger = holding.strangers.first else { continue }
      let name = stranger.name.map { " (\($0))" } ?? ""
      return "process \(stranger.holder.process)\(name)"
    }
    return nil
  }
}
