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
    try runToEnd([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)",
      "-keyout", pair.key, "-out", pair.certificate,
    ])
    return pair
  }
}
