/// The bytes of a request (RFC 9112, 3).
enum HTTPRequestText {
  static func make(_ spec: HTTPSpec, version: String) -> String {
    var lines = ["\(spec.method) \(spec.target.path) HTTP/1.1"]
    if !spec.headers.has("host") { lines.append("Host: \(spec.target.authority)") }
    if !spec.headers.has("user-agent") { lines.append("User-Agent: vouch/\(version)") }
    if !spec.headers.has("accept") { lines.append("Accept: */*") }
    lines.append("Connection: close")
    // RFC 9110, 8.6: said even of an empty body, where the method is one that expects a body.
    if ["POST", "PUT", "PATCH"].contains(spec.method) { lines.append("Content-Length: 0") }
    for field in spec.headers.fields { lines.append("\(field.name): \(field.value)") }
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
  }
}
