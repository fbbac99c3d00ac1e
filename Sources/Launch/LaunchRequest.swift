import SystemPackage

/// A program to start, and everything it is given. It gets nothing else.
public struct LaunchRequest: Sendable {
  /// What one of the child's descriptors 0, 1 and 2 is.
  public enum StandardStream: Hashable, Sendable {
    /// The same as this process's.
    case inherited
    /// /dev/null.
    case null
    /// A copy of this descriptor.
    case descriptor(FileDescriptor)
  }

  /// The child's place among process groups and sessions.
  public enum Session: Hashable, Sendable {
    /// This process's own group and session.
    case inherited
    /// A new session, without a controlling terminal (setsid(2)).
    case newSession
    /// A new process group, which can be signalled as a whole. Where a terminal is given and this
    /// process's group has its foreground, the child's group takes it over, as a shell's job does;
    /// a launch that fails gives it back.
    case newGroup(terminal: FileDescriptor?)
  }

  /// What the child does for the caller on its way to execve(2), before descriptors are moved: C that
  /// makes system calls and nothing else. It shares this process's memory, while the launching thread
  /// waits.
  public struct Preparation: @unchecked Sendable {
    /// - Returns: 0, or the errno with which the launch fails.
    public var run: @convention(c) (UnsafeMutableRawPointer?) -> CInt
    public var argument: UnsafeMutableRawPointer

    public init(
      _ run: @escaping @convention(c) (UnsafeMutableRawPointer?) -> CInt,
      _ argument: UnsafeMutableRawPointer
    ) {
      self.run = run
      self.argument = argument
    }
  }

  /// The files to try, in order: see ``CommandResolver``.
  public var paths: [[UInt8]]
  /// The arguments as the child gets them, its own name first: bytes, untouched.
  public var arguments: [[UInt8]]
  public var environment: ChildEnvironment
  /// Become 3, 4, … in the child, in this order. They may be any descriptors of this process, and
  /// the same one more than once. O_NONBLOCK is left as it is: it belongs to the open file
  /// description, which others share.
  public var descriptors: [FileDescriptor] = []
  public var standardInput: StandardStream = .inherited
  public var standardOutput: StandardStream = .inherited
  public var standardError: StandardStream = .inherited
  public var session: Session = .inherited
  /// Kill the child when this process dies (PR_SET_PDEATHSIG, prctl(2)). The kernel goes by the
  /// thread that launched: launch from the main thread. A program that is set-user-ID, or has file
  /// capabilities, loses the tie at execve(2).
  public var dieWithParent = false
  /// A step of the caller's own.
  public var preparation: Preparation?
  /// The signal mask and the ignored signals of the child: those that this process was given.
  public var signals: SignalState

  public init(
    paths: [[UInt8]], arguments: [[UInt8]], environment: ChildEnvironment, signals: SignalState
  ) {
    self.paths = paths
    self.arguments = arguments
    self.environment = environment
    self.signals = signals
  }
}
