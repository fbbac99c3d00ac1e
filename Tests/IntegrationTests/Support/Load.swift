import Foundation
import Testing

/// What clients have seen, most of which open a connection for every request.
struct LoadReport: Decodable, Sendable {
  var requests: Int
  var failures: Int
  var firstFailure: String?
  var worstSeconds: Double
  /// Of clients that keep their connection: answers on a used one, and used ones that the server ended.
  var reused: Int?
  var reconnects: Int?
}

/// A server's address and what is spoken there: what Tests/fixtures has a client for.
struct LoadTarget: Sendable {
  /// The client's script with its arguments.
  fileprivate var client: [String]

  static func http(port: Int) -> LoadTarget { LoadTarget(client: ["load.py", String(port)]) }

  /// Beside clients that open a connection for each request, as many that keep theirs.
  static func httpKeeping(port: Int) -> LoadTarget {
    LoadTarget(client: ["load.py", "--keeping", "2", String(port)])
  }

  /// - Parameters:
  ///   - name: fastcgi, smtp or tftp.
  ///   - address: HOST:PORT or a path.
  static func speaking(_ name: String, _ address: String) -> LoadTarget {
    LoadTarget(client: ["protocol_load.py", name, address])
  }
}

extension Sandbox {
  /// Asks `port` without a pause while `body` runs, for at most `seconds`.
  func underLoad(port: Int, seconds: Int = 60, _ body: () async throws -> Void) async throws
    -> LoadReport
  {
    try await underLoad(.http(port: port), seconds: seconds, body)
  }

  /// Asks without a pause while `body` runs, for at most `seconds`.
  func underLoad(_ target: LoadTarget, seconds: Int = 60, _ body: () async throws -> Void)
    async throws -> LoadReport
  {
    let stop = Service.freshFile("load-stop")
    async let load = run(
      ["/usr/bin/python3", Places.Inside.fixtures + "/" + target.client[0]]
        + target.client.dropFirst() + [stop, "--seconds", String(seconds)], seconds: seconds + 60)
    do {
      try await body()
    } catch {
      try await run(["touch", stop])
      throw error
    }
    try await run(["touch", stop])
    let result = try await load
    try #require(result.succeeded, "\(result)")
    return try JSONDecoder().decode(LoadReport.self, from: Data(result.output.utf8))
  }
}
