/// What a diagnosis goes by: what became of the passed sockets, and where else the program listens.
public struct SocketFacts: Hashable, Sendable {
  /// A passed socket that listens.
  public struct Passed: Hashable, Sendable {
    public var address: HandedSocket.Address
    /// Whether it is one of `--listen`.
    public var isOfListen: Bool
    /// Whether a process of the program has it open.
    public var isHeld: Bool
    /// Whether the program has taken it for certain: it waits for it with epoll(7), or a connection was
    /// accepted.
    public var isTaken: Bool
    /// Whether a connection waits in its listen queue.
    public var isWaiting: Bool

    public init(
      _ address: HandedSocket.Address, isOfListen: Bool = false, isHeld: Bool = true,
      isTaken: Bool = false, isWaiting: Bool = true
    ) {
      self.address = address
      self.isOfListen = isOfListen
      self.isHeld = isHeld
      self.isTaken = isTaken
      self.isWaiting = isWaiting
    }
  }

  /// A program, or one process of it.
  public struct Program: Hashable, Sendable {
    /// As it is told: "redis-server".
    public var name: String
    public var known: KnownProgram?

    public init(name: String, known: KnownProgram? = nil) {
      self.name = name
      self.known = known
    }
  }

  /// A listening stream socket that the program has opened for itself.
  public struct Own: Hashable, Sendable {
    public var address: HandedSocket.Address
    public var program: Program

    public init(_ address: HandedSocket.Address, _ program: Program) {
      self.address = address
      self.program = program
    }
  }

  public var passed: [Passed]
  public var own: [Own]
  public var program: Program
  /// Whether some of its processes could not be looked at.
  public var isHidden: Bool
  /// `--pass`.
  public var pass: PassProtocol
  /// With `--pass argv`: whether an argument names a descriptor, and not ports and addresses alone.
  public var namesDescriptors = true
  /// With `--pass adopt`: the binds that vouch has refused, and why, in words.
  public var refusals: [String] = []
  /// Whether READY=1 waits for a check whose request is in the listen queue of a passed socket.
  public var isAwaited: Bool

  public init(
    passed: [Passed], own: [Own] = [], program: Program, isHidden: Bool = false,
    pass: PassProtocol = .systemd, isAwaited: Bool = true
  ) {
    self.passed = passed
    self.own = own
    self.program = program
    self.isHidden = isHidden
    self.pass = pass
    self.isAwaited = isAwaited
  }
}
