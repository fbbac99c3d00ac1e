import Glibc

/// Whose a socket is, as far as can be seen.
enum Standing: Hashable {
  /// The child's alone.
  case own(Holder)
  /// The child's, and somebody else's: each of them may accept from it.
  case shared(Holder, [Stranger])
  /// Not the child's; nil where nobody can be seen that holds it.
  case stranger(Stranger?)
  /// Passed to the child, which has closed it.
  case closed
  /// The kernel does not let vouch see.
  case unseen

  /// - Parameters:
  ///   - isPassed: whether it came from outside, so that the child may have it even where a stranger
  ///     does.
  ///   - user: whose the socket is; nil where that is not known.
  ///   - viewer: the user that vouch runs as.
  init(_ holding: Holding, isPassed: Bool, user: uid_t? = nil, viewer: uid_t = geteuid()) {
    if let own = holding.own {
      self = holding.strangers.isEmpty ? .own(own) : .shared(own, holding.strangers)
    } else if holding.isTreeHidden, isPassed || holding.strangers.isEmpty {
      self = .unseen
    } else if isPassed, holding.strangers.isEmpty {
      self = .closed
    } else if holding.strangers.isEmpty, let user, Self.wouldSee(holding, user, viewer) {
      self = .unseen
    } else {
      self = .stranger(holding.strangers.first)
    }
  }

  /// Whether a process that holds a socket of this user would have been seen. If so, the socket is in
  /// none: io_uring(7) can keep one outside of any process's descriptors.
  private static func wouldSee(_ holding: Holding, _ user: uid_t, _ viewer: uid_t) -> Bool {
    viewer == 0
      ? holding.hiddenUsers.isEmpty : viewer == user && !holding.hiddenUsers.contains(user)
  }

  /// Whether this still holds, told by one readlink(2) for each process named; a stranger is looked
  /// for anew each time, since what is said of it is a failure.
  func isValid(for inode: UInt32) -> Bool {
    switch self {
    case .own(let holder): holder.holds(inode)
    case .shared(let holder, let strangers):
      holder.holds(inode) && strangers.allSatisfy { $0.holder.holds(inode) }
    case .stranger, .closed: false
    case .unseen: true
    }
  }
}

/// Whose answer a connection gets, by the listening sockets that it may have ended up in (rule 6).
enum AnswerOwner: Hashable {
  case own
  /// The child or a stranger: each connection has to be looked at.
  case either
  /// In words.
  case stranger(String)
  case nobody
  case unseen

  init(_ sockets: [(standing: Standing, user: UInt32?)]) {
    var isOwn = false
    var stranger: String?
    var isEither = false
    var isClosed = false
    for (standing, user) in sockets {
      switch standing {
      case .own: isOwn = true
      case .shared: isEither = true
      case .stranger(let process): stranger = stranger ?? Self.words(process, user: user)
      case .closed: isClosed = true
      case .unseen:
        self = .unseen
        return
      }
    }
    if isEither || (isOwn && (stranger != nil || isClosed)) {
      self = .either
    } else if let stranger {
      self = .stranger(stranger)
    } else if isClosed {
      self = .nobody
    } else {
      self = .own
    }
  }

  /// `process 4711 (nginx), which is not this service's`
  static func words(_ stranger: Stranger?, user: UInt32?) -> String {
    let process: String
    if let stranger {
      process = "process \(stranger.holder.process)" + (stranger.name.map { " (\($0))" } ?? "")
    } else {
      process = "a process" + (user.map { " of user \($0)" } ?? "") + " that vouch cannot see"
    }
    return "\(process), which is not this service's"
  }
}
