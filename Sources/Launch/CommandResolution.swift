import SystemPackage

/// What came of looking for a command before anything is started.
public enum CommandResolution: Hashable, Sendable {
  /// The files to try in this order; each was there and could be executed.
  case found([[UInt8]])
  /// There is no such file.
  case notFound
  /// There is one, but it cannot be run: which, and why.
  case notExecutable(path: [UInt8], reason: String)

  /// The exit status that POSIX shells give for it ("Exit Status for Commands"): 127 for a command
  /// that is not found, 126 for one that cannot be run. Nil if it was found.
  public var exitCode: Int32? {
    switch self {
    case .found: nil
    case .notFound: 127
    case .notExecutable: 126
    }
  }
}

/// Finds the file of a command as execvp(3) does, but before a process is made, so that a wrong
/// name is told in one line and nothing is started.
public enum CommandResolver {
  /// Where to look if PATH is unset: glibc's own default (execvp(3), confstr(3) _CS_PATH). systemd
  /// always sets PATH.
  public static let defaultSearchPath = Array("/bin:/usr/bin".utf8)

  /// Looks for a command.
  ///
  /// A name with a slash is that file. Any other is looked for in each directory of the search path
  /// in turn; an empty element is the current directory. A file that cannot be run does not end the
  /// search, but is told if no other is found.
  ///
  /// - Parameters:
  ///   - command: the name as bytes.
  ///   - searchPath: the value of PATH, or nil if it is unset.
  public static func resolve(_ command: [UInt8], searchPath: [UInt8]?) -> CommandResolution {
    guard !command.isEmpty else { return .notFound }
    var usable: [[UInt8]] = []
    var refused: CommandResolution = .notFound
    for path in candidates(command, searchPath: searchPath ?? defaultSearchPath) {
      switch obstacle(to: path) {
      case .none: usable.append(path)
      case .absent: continue
      case .reason(let reason):
        if refused == .notFound { refused = .notExecutable(path: path, reason: reason) }
      }
    }
    return usable.isEmpty ? refused : .found(usable)
  }

  private static func candidates(_ command: [UInt8], searchPath: [UInt8]) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    if command.contains(slash) { return [command] }
    return searchPath.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { $0.isEmpty ? command : $0 + [slash] + command }
  }

  private enum Obstacle {
    case none
    case absent
    case reason(String)
  }

  private static func obstacle(to path: [UInt8]) -> Obstacle {
    switch FileKind.of(path) {
    case .failure(.noSuchFileOrDirectory), .failure(.notDirectory): .absent
    case .failure(let error): .reason(error.description)
    case .success(.directory): .reason("it is a directory")
    case .success(.other): .reason("it is not a regular file")
    case .success(.regular):
      isExecutable(path) ? .none : .reason(Errno.permissionDenied.description)
    }
  }
}
