/// Where a gRPC check goes, and which service's health it asks for there.
public struct GRPCSpec: Sendable, Hashable {
  public var place: Target
  /// For the `:authority` pseudo-header: what was written for host and port, `localhost` where a
  /// socket was named.
  public var authority: String
  /// The service to ask for, as grpc.health.v1 names it; empty for the server as a whole.
  public var service: String

  /// The keys that `--grpc` has beside those of every check.
  static let keys = ["peer"]

  static func parse(_ target: String, _ options: SpecOptions) throws(SpecError) -> GRPCSpec {
    if target.contains("://") {
      throw SpecError("\(quoted(target)) is not a gRPC target: \(forms)")
    }
    let (place, service) = try split(target)
    return GRPCSpec(
      place: try parsePlace(place), authority: authority(place), service: service ?? "")
  }

  private static let forms =
    "write HOST:PORT, [V6]:PORT, :PORT or @NAME, each with /SERVICE if need be, "
    + "or unix:/PATH[:SERVICE]"

  /// Apart at the first slash, but behind the path of a Unix socket at the next colon, as in
  /// `http://unix:/run/app.sock:/path`.
  private static func split(
    _ target: String
  ) throws(SpecError) -> (place: String, service: String?) {
    let isUnix = target.hasPrefix("unix:/") || target.hasPrefix("unix:@")
    let rest = isUnix ? target.dropFirst("unix:".count) : target[...]
    let mark: Character = isUnix ? ":" : "/"
    guard let end = rest.firstIndex(of: mark) else { return (target, nil) }
    let service = String(rest[rest.index(after: end)...])
    guard !service.isEmpty else {
      throw SpecError(
        "\(quoted(target)) ends in \(quoted(String(mark))) and names no service: "
          + "without it the server as a whole is asked for")
    }
    let isText = !service.unicodeScalars.contains { $0.properties.generalCategory == .control }
    guard isText, service.utf8.count <= 1024 else {
      throw SpecError(
        "\(quoted(service)) is not the name of a service: at most 1024 bytes, without control "
          + "characters, as in my.package.Service")
    }
    return (String(target[..<end]), service)
  }

  private static func parsePlace(_ text: String) throws(SpecError) -> Target {
    if text.hasPrefix("@") { return .listener(try Target.socketName(text.dropFirst())) }
    if let unix = try Target.parseUnix(text) { return unix }
    return try Target.parseAuthority(text[...], defaultPort: nil, forms: forms)
  }

  private static func authority(_ place: String) -> String {
    if place.hasPrefix("@") || place.hasPrefix("unix:") { return "localhost" }
    return place.hasPrefix(":") ? "localhost\(place)" : place
  }
}
