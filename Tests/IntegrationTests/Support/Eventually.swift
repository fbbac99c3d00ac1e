import Testing

/// Asks again and again until `condition` holds, for at most `seconds`; records a failure with what
/// was last `seen` otherwise. The deadline is for a machine that is badly loaded: it costs nothing
/// where the condition soon holds.
func eventually<Value: Sendable>(
  _ what: Comment, within seconds: Int = 30, sourceLocation: SourceLocation = #_sourceLocation,
  seen value: () async throws -> Value, holds condition: (Value) -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while true {
    let seen = try await value()
    if condition(seen) { return }
    guard ContinuousClock.now < deadline else {
      Issue.record(
        "\(what): not within \(seconds) s; last seen: \(seen)", sourceLocation: sourceLocation)
      throw NeverCame()
    }
    try await Task.sleep(for: .milliseconds(50))
  }
}

/// The test cannot go on; why is recorded already.
struct NeverCame: Error {}
