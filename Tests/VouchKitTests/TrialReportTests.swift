import Checks
import Foundation
import Supervision
import Testing

@testable import VouchKit

@Suite struct TrialReportTests {
  private static let entries: [TrialReport.Entry] = [
    (
      "http :8080/", .http,
      Trial.Outcome(
        verdict: .passed, reason: "200", took: .microseconds(1234), after: .seconds(2), tries: 9)
    ),
    (
      "tcp :1", .tcp,
      Trial.Outcome(
        verdict: .failed, reason: "connect refused", took: .milliseconds(3),
        after: .milliseconds(3), tries: 1)
    ),
  ]

  @Test("a line each, in columns, with the verdict, the reason and the time")
  func lines() {
    #expect(
      TrialReport.lines(Self.entries) == [
        "pass  http :8080/  200 in 1.2 ms (try 9, after 2 s)",
        "fail  tcp :1       connect refused (after 3 ms)",
      ])
  }

  @Test("JSON that a machine can read, whatever a name or a reason holds")
  func json() throws {
    var entries = Self.entries
    entries[1].name = "a \"quoted\" \\ näme 🎈"
    entries[1].outcome.reason = "two\nlines\u{1}"
    let text = TrialReport.json(entries, isPassed: false, took: .milliseconds(2500))
    #expect(!text.contains("\n"))
    let read = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(read?["passed"] as? Bool == false)
    #expect(read?["seconds"] as? Double == 2.5)
    let checks = read?["checks"] as? [[String: Any]]
    #expect(checks?.map { $0["verdict"] as? String } == ["pass", "fail"])
    #expect(checks?[0]["seconds"] as? Double == 0.001234)
    #expect(checks?[0]["tries"] as? Int == 9)
    #expect(checks?[1]["name"] as? String == "a \"quoted\" \\ näme 🎈")
    #expect(checks?[1]["reason"] as? String == "two lines ")
  }

  @Test("checks come in the order of the command line, whatever their kinds")
  func order() {
    var options = CheckOptions()
    options.specs = [(.http, [":1/", ":3/ status=200"]), (.tcp, [":2", ":5"]), (.exec, ["true"])]
    options.sort(
      as: [
        "check", "--http", ":1/", "--tcp=:2", "--wait", "5s", "--http=:3/ status=200", "--exec",
        "true", "--tcp", ":5",
      ])
    #expect(options.specs.flatMap(\.texts) == [":1/", ":2", ":3/ status=200", "true", ":5"])
  }
}
