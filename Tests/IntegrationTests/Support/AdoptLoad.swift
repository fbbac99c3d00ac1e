import Foundation
import Testing

/// What clients that open a connection for every request have seen, by how it failed
/// (Tests/fixtures/adopt/load.py tells what each count means).
struct AdoptLoadReport: Decodable, Sendable {
  var requests: Int
  var answered: Int
  var refused: Int
  var cut: Int
  var failed: Int
  var first: String?
  var longest: Double

  init(_ result: CommandResult) throws {
    try #require(result.output.hasPrefix("{"), "\(result)")
    self = try JSONDecoder().decode(Self.self, from: Data(result.output.utf8))
  }
}

extension Sandbox {
  private static let client = "/usr/bin/python3 " + Places.Inside.fixtures + "/adopt/load.py"

  /// The command line of a client that asks once, and exits with 0 if that was answered.
  static func askOnce(_ speaking: String, _ address: String, clients: Int = 1) -> String {
    "\(client) \(speaking) \(address) --once --clients \(clients)"
  }

  /// Asks `address` (HOST:PORT or a path) without a pause while `body` runs, for at most `seconds`.
  func underAdoptLoad(
    _ speaking: String, _ address: String, seconds: Int = 60, _ body: () async throws -> Void
  ) async throws -> AdoptLoadReport {
    let stop = Service.freshFile("adopt-load-stop")
    async let load = shell(
      "\(Self.client) \(speaking) \(address) \(stop) --seconds \(seconds)", seconds: seconds + 60)
    do {
      try await body()
    } catch {
      try await run(["touch", stop])
      throw error
    }
    try await run(["touch", stop])
    return try AdoptLoadReport(await load)
  }
}
