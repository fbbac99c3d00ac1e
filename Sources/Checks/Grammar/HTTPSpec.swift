/// What an HTTP check asks, and what it expects.
public struct HTTPSpec: Sendable, Hashable {
  public var target: HTTPTarget
  public var expected: StatusSet = .standard
  /// A token; methods are case-sensitive (RFC 9110, 9.1).
  public var method: String = "GET"
  public var headers = RequestHeaders()
  /// To be found in the first 64 KiB of the body.
  public var body: BodyPattern? = nil
  /// To be found in the body, which may have 64 KiB then.
  public var json: [JSONExpectation] = []
  /// Nil for http.
  public var tls: TLSSpec? = nil

  /// The keys that only `--http` has.
  static let keys = [
    "status", "method", "header", "body", "json", "tls-ca", "tls-name", "tls-cert", "tls-key",
    "tls-verify",
  ]
  static let repeatableKeys: Set<String> = ["header", "json"]

  static func parse(_ target: String, _ options: SpecOptions) throws(SpecError) -> HTTPSpec {
    var spec = HTTPSpec(target: try HTTPTarget.parse(target))
    if let expected = try options.value("status", StatusSet.parse) { spec.expected = expected }
    if let method = try options.value("method", parseMethod) { spec.method = method }
    for field in options.all("header") {
      do { try spec.headers.add(field) } catch { throw SpecError("header=: \(error.message)") }
    }
    spec.body = try options.value("body", BodyPattern.parse)
    for text in options.all("json") {
      do {
        spec.json.append(try JSONExpectation.parse(text))
      } catch { throw SpecError("json=: \(error.message)") }
    }
    for key in ["body", "json"] where options.has(key) && spec.method == "HEAD" {
      throw SpecError("\(key)= is of no use with method=HEAD: such an answer has no body")
    }
    spec.tls = try TLSSpec.parse(spec.target, options)
    return spec
  }

  private static func parseMethod(_ text: String) throws(SpecError) -> String {
    guard isToken(text) else {
      throw SpecError("\(quoted(text)) is not a method: write for example HEAD")
    }
    if text.uppercased() == "CONNECT" {
      throw SpecError("CONNECT opens a tunnel and checks nothing: use --tcp for a connection")
    }
    return text
  }
}

/// How the server of an https target is to prove who it is.
public struct TLSSpec: Sendable, Hashable {
  /// A PEM file with the only authorities to trust; nil for the system's.
  public var authorityFile: String? = nil
  /// The name to ask for (SNI, RFC 6066) and to find in the certificate; nil for an address, which
  /// is then what the certificate has to name. Where a name is given, a certificate that names the
  /// address of the connection instead is taken too: NIOSSL makes no difference there.
  public var serverName: String?
  public var verifies = true
  /// Who vouch is, where the server wants to know; nil for nobody.
  public var client: ClientFiles? = nil

  /// PEM files, which may be one and the same.
  public struct ClientFiles: Sendable, Hashable {
    /// The certificate and those between it and the authority, in this order.
    public var certificateFile: String
    public var keyFile: String
  }

  private static let keys = ["tls-ca", "tls-name", "tls-cert", "tls-key", "tls-verify"]

  static func parse(_ target: HTTPTarget, _ options: SpecOptions) throws(SpecError) -> TLSSpec? {
    guard target.usesTLS else {
      for key in keys where options.has(key) {
        throw SpecError("\(key)= needs a target that begins with https://")
      }
      return nil
    }
    var spec = TLSSpec(serverName: nil)
    if case .host(let name, _) = target.place { spec.serverName = name }
    if let name = try options.value("tls-name", parseName) { spec.serverName = name }
    if let verifies = try options.value("tls-verify", parseYesNo) { spec.verifies = verifies }
    if let file = try options.value("tls-ca", parseFile) {
      guard spec.verifies else { throw SpecError("tls-ca= does nothing with tls-verify=no") }
      spec.authorityFile = file
    }
    let key = try options.value("tls-key", parseFile)
    if let file = try options.value("tls-cert", parseFile) {
      spec.client = ClientFiles(certificateFile: file, keyFile: key ?? file)
    } else if key != nil {
      throw SpecError("tls-key= needs tls-cert=, the certificate that it belongs to")
    }
    return spec
  }

  private static func parseName(_ text: String) throws(SpecError) -> String {
    // RFC 6066, 3: an address is no server name. All digits and dots is an address, or meant as one.
    let isAddress = text.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
    guard Target.isHostName(text[...]), !isAddress else {
      throw SpecError("\(quoted(text)) is not the name of a host")
    }
    return text
  }

  private static func parseYesNo(_ text: String) throws(SpecError) -> Bool {
    switch text {
    case "yes": return true
    case "no": return false
    default: throw SpecError("\(quoted(text)) is neither yes nor no")
    }
  }

  private static func parseFile(_ text: String) throws(SpecError) -> String {
    if text.isEmpty { throw SpecError("it names no file") }
    return text
  }
}
