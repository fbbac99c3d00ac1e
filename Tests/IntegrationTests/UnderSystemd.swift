import Testing

/// All integration tests: one at a time, since they share a machine of few cores with what they
/// measure, and each within two minutes.
@Suite(
  "under a real systemd", .serialized, .timeLimit(.minutes(2)),
  .enabled(if: Sandbox.isPossible, Sandbox.impossible))
enum UnderSystemd {}
