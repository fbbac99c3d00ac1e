/// A certification authority of a test's own, by openssl(1).
struct PrivateAuthority: Sendable {
  let folder: TestFolder
  let name: String
  var certificate: String { folder.file("\(name).pem") }

  private static let newKey = [
    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
  ]

  init(_ folder: TestFolder, _ name: String) throws {
    self.folder = folder
    self.name = name
    try runToEnd(
      ["openssl", "req", "-x509"] + Self.newKey + [
        "-days", "2", "-subj", "/CN=\(name)", "-keyout", folder.file("\(name).key"), "-out",
        folder.file("\(name).pem"),
      ])
  }

  /// Issues a certificate; one with a negative number of days has expired.
  @discardableResult
  func issue(
    _ file: String, names: String = "DNS:service.test,IP:127.0.0.1", days: Int = 2
  ) throws -> Certificates.Pair {
    let pair = Certificates.Pair(
      certificate: folder.file("\(file).pem"), key: folder.file("\(file).key"))
    let request = folder.file("\(file).csr")
    try runToEnd(
      ["openssl", "req"] + Self.newKey + [
        "-subj", "/CN=\(file)", "-addext", "subjectAltName=\(names)", "-keyout", pair.key, "-out",
        request,
      ])
    try runToEnd([
      "openssl", "x509", "-req", "-in", request, "-CA", certificate, "-CAkey",
      folder.file("\(name).key"), "-CAcreateserial", "-copy_extensions", "copy", "-days",
      "\(days)", "-out", pair.certificate,
    ])
    return pair
  }
}
