import Glibc
import Launch
import Supervision

/// The files of `--env-file`, which are read anew for each start of the child.
struct EnvironmentFiles {
  private struct Source {
    var path: String
    /// It was written as `-PATH`, as EnvironmentFile= has it (systemd.exec(5)).
    var mayBeMissing: Bool
  }

  private let sources: [Source]

  /// - Throws: where one names no file.
  init(_ texts: [String]) throws(Refusal) {
    var sources: [Source] = []
    for text in texts {
      let mayBeMissing = text.hasPrefix("-")
      let path = mayBeMissing ? String(text.dropFirst()) : text
      if path.isEmpty {
        throw .usage("--env-file '\(text)': a path is wanted, -PATH where the file may be missing")
      }
      sources.append(Source(path: path, mayBeMissing: mayBeMissing))
    }
    self.sources = sources
  }

  struct Content {
    /// In their order; of several with one name the last counts.
    var variables: [EnvironmentFile.Variable] = []
    /// What was passed over, in words.
    var complaints: [String] = []
  }

  /// Reads them all, in the order of the command line.
  ///
  /// - Throws: which file cannot be used, and why.
  func read() throws(Refusal) -> Content {
    var content = Content()
    for source in sources {
      guard let text = try Self.text(of: source) else { continue }
      let file: EnvironmentFile
      do {
        file = try EnvironmentFile(parsing: text)
      } catch {
        throw .usage("--env-file \(Supervision.oneLine(source.path)): \(error)")
      }
      if let variable = file.variables.first(where: { $0.size > Self.variableLimit }) {
        throw .usage(
          "--env-file \(Supervision.oneLine(source.path)): \(variable.name) is too long: a variable has "
            + "\(Self.variableLimit) bytes at most, with its name")
      }
      content.variables += file.variables
      content.complaints += file.invalidNames.map {
        "--env-file \(Supervision.oneLine(source.path)): \(Supervision.oneLine("\"\($0)\"")) can be "
          + "no variable's name: the line is passed over"
      }
    }
    return content
  }

  /// MAX_ARG_STRLEN of execve(2), without `=` and the final NUL.
  private static let variableLimit = 32 * Int(getpagesize()) - 2

  /// More than any environment may have (execve(2): a quarter of the stack's limit, 2 MiB).
  private static let sizeLimit = 4 << 20

  private static func text(of source: Source) throws(Refusal) -> [UInt8]? {
    func refusal(_ reason: String) -> Refusal {
      .usage("--env-file \(Supervision.oneLine(source.path)): \(reason)")
    }
    // A FIFO must not keep vouch waiting for its writer.
    let file = open(source.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT {
        if source.mayBeMissing { return nil }
        throw refusal("no such file; if it may be missing, write --env-file=-\(source.path)")
      }
      if errno == EACCES {
        throw refusal(
          "user \(geteuid()), as whom vouch runs, may not read it (systemd reads EnvironmentFile= as root)"
        )
      }
      throw refusal(String(cString: strerror(errno)))
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw refusal("it is no regular file")
    }
    var text: [UInt8] = []
    while true {
      var count = 0
      let part = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
        count = Glibc.read(file, buffer.baseAddress, buffer.count)
        initialized = max(count, 0)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw refusal(String(cString: strerror(errno))) }
      if count == 0 { return text }
      text += part
      if text.count > sizeLimit { throw refusal("it is larger than an environment can be") }
    }
  }
}

extension EnvironmentFile.Variable {
  fileprivate var size: Int { name.utf8.count + value.count }
}
