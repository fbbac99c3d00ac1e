import NIOSSL

/// What the files of `tls-ca=`, `tls-cert=` and `tls-key=` hold.
struct TLSFiles {
  /// Nil for the system's.
  private(set) var authorities: [NIOSSLCertificate]? = nil
  private(set) var chain: [NIOSSLCertificate] = []
  private(set) var key: NIOSSLPrivateKey? = nil
  /// Of the files as they were read, by their paths.
  private(set) var versions: [String: PEMFile.Version?] = [:]

  /// - Throws: `SpecError` with the key, the path and the reason.
  init(_ spec: TLSSpec) throws(SpecError) {
    if let path = spec.authorityFile {
      authorities = Self.certificates(try read(path, "tls-ca"))
      if authorities?.isEmpty != false { throw Self.noCertificate("tls-ca", path) }
    }
    guard let client = spec.client else { return }
    let file = try read(client.certificateFile, "tls-cert")
    chain = Self.certificates(file)
    if chain.isEmpty { throw Self.noCertificate("tls-cert", client.certificateFile) }
    if client.keyFile == client.certificateFile {
      key = try Self.key(
        file, "tls-cert=: \(shown(client.keyFile)): ", hint: "; tls-key= names another file")
    } else {
      key = try Self.key(
        try read(client.keyFile, "tls-key"), "tls-key=: \(shown(client.keyFile)): ", hint: "")
    }
  }

  /// The files that a check needs.
  static func paths(_ spec: TLSSpec) -> [String] {
    let paths = [spec.authorityFile, spec.client?.certificateFile, spec.client?.keyFile]
    return Array(Set(paths.compactMap { $0 }))
  }

  private mutating func read(_ path: String, _ key: String) throws(SpecError) -> PEMFile {
    do {
      let file = try PEMFile(path)
      versions[path] = file.version
      return file
    } catch {
      throw SpecError("\(key)=: \(error.message)")
    }
  }

  /// None where one of them is malformed.
  private static func certificates(_ file: PEMFile) -> [NIOSSLCertificate] {
    // NIOSSL stops at nothing for an empty file.
    if file.bytes.isEmpty { return [] }
    return (try? NIOSSLCertificate.fromPEMBytes(file.bytes)) ?? []
  }

  private static func noCertificate(_ key: String, _ path: String) -> SpecError {
    SpecError("\(key)=: \(shown(path)): it holds no certificate in PEM form")
  }

  private static func key(
    _ file: PEMFile, _ place: String, hint: String
  ) throws(SpecError) -> NIOSSLPrivateKey {
    if !file.bytes.isEmpty, let key = try? NIOSSLPrivateKey(bytes: file.bytes, format: .pem) {
      return key
    }
    // "BEGIN ENCRYPTED PRIVATE KEY" (RFC 7468, 11) or "Proc-Type: 4,ENCRYPTED" (RFC 1421, 4.6.1.1).
    if String(decoding: file.bytes, as: UTF8.self).contains("ENCRYPTED") {
      throw SpecError("\(place)the key is encrypted, and nobody can be asked for its passphrase")
    }
    throw SpecError("\(place)it holds no private key in PEM form\(hint)")
  }
}
