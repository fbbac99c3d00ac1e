/// Where an HTTP probe goes and what it asks for there.
public struct HTTPTarget: Sendable, Hashable {
  public var place: Target
  public var usesTLS: Bool
  /// For the Host header: `localhost` where no host was named.
  public var authority: String
  /// The request target of RFC 9112, 3.2.1: an absolute path with its query.
  public var path: String

  /// `/path`, `@NAME/path`, `:8080/path`, `http://host:port/path`, `https://host[:port]/path`,
  /// `http://unix:/run/app.sock:/path`. The path is `/` where none is given.
  static func parse(_ text: String) throws(SpecError) -> HTTPTarget {
    if text.hasPrefix("/") {
      return HTTPTarget(place: .firstListener, path: try checkedPath(text[...]))
    }
    if text.hasPrefix("@") {
      let (name, path) = try splitPath(text.dropFirst())
      return HTTPTarget(place: .listener(try Target.socketName(name)), path: path)
    }
    if text.hasPrefix(":") {
      let (port, path) = try splitPath(text.dropFirst())
      return HTTPTarget(place: .loopback(port: try Target.parsePort(port)), path: path)
    }
    if text.hasPrefix("http://unix:/") || text.hasPrefix("http://unix:@") {
      return try parseUnix(text.dropFirst("http://".count))
    }
    if text.hasPrefix("http://") { return try parseURL(text.dropFirst(7), usesTLS: false) }
    if text.hasPrefix("https://unix:/") || text.hasPrefix("https://unix:@") {
      throw SpecError("https over a Unix socket is not possible: write http://unix:…")
    }
    if text.hasPrefix("https://") { return try parseURL(text.dropFirst(8), usesTLS: true) }
    throw SpecError("\(quoted(text)) is not an HTTP target: \(forms)")
  }

  private static let forms =
    "write /PATH, @NAME/PATH, :PORT/PATH, http://HOST:PORT/PATH, https://HOST/PATH "
    + "or http://unix:/SOCKET:/PATH"

  private init(
    place: Target, usesTLS: Bool = false, authority: String = "localhost", path: String
  ) {
    self.place = place
    self.usesTLS = usesTLS
    self.authority = authority
    self.path = path
  }

  private static func parseURL(_ rest: Substring, usesTLS: Bool) throws(SpecError) -> HTTPTarget {
    let (authority, path) = try splitPath(rest)
    if authority.contains("@") {
      throw SpecError(
        "a user and password in the address are not possible: "
          + "write header='Authorization: Basic …'")
    }
    let port = usesTLS ? 443 : 80
    let place = try Target.parseAuthority(authority, defaultPort: port, forms: forms)
    // RFC 9110, 7.2: the authority as in the URL, and RFC 9112, 3.2: without the default port.
    let suffix = ":\(port)"
    let host = authority.hasSuffix(suffix) ? authority.dropLast(suffix.count) : authority
    return HTTPTarget(
      place: place, usesTLS: usesTLS, authority: host.lowercased(), path: path)
  }

  /// `unix:/run/app.sock:/path`: the socket's path ends at the next colon.
  private static func parseUnix(_ rest: Substring) throws(SpecError) -> HTTPTarget {
    let socket = rest.dropFirst("unix:".count)
    let end = socket.firstIndex(of: ":") ?? socket.endIndex
    let after = socket[end...].dropFirst()
    guard let place = try Target.parseUnix("unix:" + socket[..<end]) else {
      throw SpecError("\(quoted(String(rest))) is not a Unix socket: \(forms)")
    }
    guard after.isEmpty || after.hasPrefix("/") || after.hasPrefix("?") else {
      throw SpecError(
        "after the socket in \(quoted(String(rest))) comes :/PATH, "
          + "as in http://unix:/run/app.sock:/healthz")
    }
    return HTTPTarget(place: place, path: try checkedPath(after))
  }

  /// What stands before the path, and the path.
  private static func splitPath(_ text: Substring) throws(SpecError) -> (Substring, String) {
    let end = text.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
    return (text[..<end], try checkedPath(text[end...]))
  }

  private static func checkedPath(_ text: Substring) throws(SpecError) -> String {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "#"):
        throw SpecError("a fragment (#…) is never sent to a server: leave it out")
      case 0x21...0x7E: continue
      default:
        throw SpecError(
          "the path \(quoted(String(text))) has a blank, a control character or one outside "
            + "ASCII: write it percent-encoded, as in %20")
      }
    }
    return text.hasPrefix("/") ? String(text) : "/" + text
  }
}
