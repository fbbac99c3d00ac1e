import Checks
import FoundationEssentials
import Supervision

/// What `vouch check` prints.
enum TrialReport {
  typealias Entry = (name: String, kind: CheckSpec.Kind, outcome: Trial.Outcome)

  /// A line for each check: the verdict, the name, what came and when.
  ///
  ///     pass  http :8080/healthz  200 in 1.2 ms
  ///     fail  tcp :8081           connect refused (31 tries in 5 s)
  static func lines(_ entries: [Entry]) -> [String] {
    let verdicts = entries.map(\.outcome.verdict.rawValue)
    let verdictWidth = verdicts.map(\.count).max() ?? 0
    let nameWidth = entries.map(\.name.count).max() ?? 0
    return entries.map { entry in
      padded(entry.outcome.verdict.rawValue, verdictWidth) + "  " + padded(entry.name, nameWidth)
        + "  " + result(entry.outcome)
    }
  }

  private static func result(_ outcome: Trial.Outcome) -> String {
    let reason = Supervision.oneLine(outcome.reason)
    switch outcome.verdict {
    case .passed:
      let told = "\(reason) in \(outcome.took.brief)"
      return outcome.tries == 1
        ? told : "\(told) (try \(outcome.tries), after \(outcome.after.brief))"
    case .failed, .unknown:
      return outcome.tries == 1
        ? "\(reason) (after \(outcome.took.brief))"
        : "\(reason) (\(outcome.tries) tries in \(outcome.after.brief))"
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: width - text.count)
  }

  /// One JSON object on one line.
  static func json(_ entries: [Entry], isPassed: Bool, took: Duration) -> String {
    let document = Document(
      passed: isPassed, seconds: took.inSeconds,
      checks: entries.map { entry in
        Document.Entry(
          name: entry.name, kind: entry.kind.rawValue, verdict: entry.outcome.verdict.rawValue,
          reason: Supervision.oneLine(entry.outcome.reason), seconds: entry.outcome.took.inSeconds,
          tries: entry.outcome.tries)
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // No number here is infinite and every string is valid, so nothing can be thrown.
    guard let data = try? encoder.encode(document) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Not the SPEC itself: it may hold a secret header.
  private struct Document: Encodable {
    struct Entry: Encodable {
      let name: String
      let kind: String
      let verdict: String
      let reason: String
      let seconds: Double
      let tries: Int
    }
    let passed: Bool
    let seconds: Double
    let checks: [Entry]
  }
}

extension Duration {
  /// To the microsecond: more digits are noise.
  fileprivate var inSeconds: Double {
    Double(nanoseconds / 1000) / 1_000_000
  }
}
