import Glibc

/// Certificates made with openssl(1), in a folder of their own.
struct Certificates: Sendable {
  struct Pair: Sendable {
    var certificate: String
    var key: String
  }

  /// For service.test and 127.0.0.1; it is its own authority.
  let good: Pair
  /// For other.test; it is its own authority too.
  let other: Pair
  private let folder: String

  init() throws {
    var template = Array("/tmp/vouch-checks-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    self.folder = folder
    good = try Self.make(folder, "good", names: "DNS:service.test,IP:127.0.0.1")
    other = try Self.make(folder, "other", names: "DNS:other.test")
  }

  /// A file in the same folder.
  func file(_ name: String, holding text: String) throws -> String {
    let path = "\(folder)/\(name)"
    guard let file = fopen(path, "we") else { throw SystemError("fopen") }
    defer { fclose(file) }
    fputs(text, file)
    return path
  }

  func remove() {
    guard let directory = opendir(folder) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      unlink("\(folder)/\(name)")
    }
    closedir(directory)
    rmdir(folder)
  }

  private static func make(_ folder: String, _ name: String, names: String) throws -> Pair {
    let pair = Pair(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
    try run([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)",
      "-keyout", pair.key, "-out", pair.certificate,
    ])
    return pair
  }

  private static func run(_ command: [String]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: CInt in [1, 2] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
    }
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    errno = posix_spawnp(&child, command[0], &actions, nil, &arguments, environ)
    guard errno == 0 else { throw SystemError(command[0]) }
    var status: CInt = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else { throw SystemError("\(command[0]) ended with status \(status)") }
  }
}
