/// A process that asked, as it was then.
public struct AskingProcess: Hashable, Sendable, CustomStringConvertible {
  public var pid: Int32
  /// /proc/PID/comm; nil where it could not be read.
  public var name: String?

  public init(pid: Int32, name: String?) {
    self.pid = pid
    self.name = name
  }

  public var description: String { "process \(pid)" + (name.map { " (\($0))" } ?? "") }
}

/// What the supervision of a child's sockets has to tell. Of each kind only what is new in this start of
/// the child: a program that binds all the time is told once an address.
public enum AdoptReport: Hashable, Sendable {
  /// A process asked for this address, and has the passed socket of this index now.
  case adopted(Int, asked: BindAddress, AskingProcess)
  /// A process listens: on the passed socket of this index, or on one of its own.
  case listening(Int?, AskingProcess)
  /// A process bound an address that no passed socket is for.
  case unmatched(BindAddress, AskingProcess)
  /// A bind was refused that would have had to do with the passed socket of this index, with
  /// EADDRINUSE.
  case refused(Int, asked: BindAddress, reason: String, AskingProcess)
  /// The bind of an address that may be a passed one could not be looked at, and went on by itself.
  case unseen(BindAddress?, reason: String, AskingProcess)
  /// A process did away with the passed socket of this index, and it stays.
  case kept(Int, Kept, AskingProcess)
  /// A process has the passed socket of this index, and nothing is at its path for it: who goes by the
  /// path may find nothing.
  case pathless(Int, AskingProcess)
  /// A process watched its socket with epoll before it bound it, and the passed socket of this index
  /// could not be put in that place: it may never hear of a connection.
  case unwatched(Int, reason: String, AskingProcess)
  /// vouch itself is short of something, and the program waits: in words.
  case short(String)

  /// What stays of a socket.
  public enum Kept: Hashable, Sendable {
    /// Its path, which was removed.
    case path
    /// That it listens, though it was shut down.
    case listening
  }
}
