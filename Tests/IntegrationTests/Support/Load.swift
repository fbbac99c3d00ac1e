import Foundation
import Testing

/// What clients that open a connection for every request have seen.
struct LoadReport: Decodable, Sendable {
  var requests: Int
  var failures: Int
  var firstFailure: String?
  var worstSeconds: Double
}

extension Sandbox {
  /// Asks `port` without a pause while `body` runs, for at most `seconds`.
  func underLoad(port: Int, seconds: Int = 60, _ body: () async throws -> Void) async throws
    -> LoadReport
  {
    let stop = Service.freshFile("load-stop")
    async let load = run(
      [
        "/usr/bin/python3", Places.Inside.fixtures + "/load.py", String(port), stop,
        "--seconds", String(seconds),
      ], seconds: seconds + 60)
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
