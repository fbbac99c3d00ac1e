import Testing

@testable import Checks

@Suite("Durations")
struct DurationTextTests {
  @Test(
    "spans of systemd.time(7) are understood",
    arguments: [
      ("500ms", .milliseconds(500)),
      ("5s", .seconds(5)),
      ("5 s", .seconds(5)),
      ("2min", .seconds(120)),
      ("1h", .seconds(3600)),
      ("1min 30s", .seconds(90)),
      ("1min30s", .seconds(90)),
      ("1min 30", .seconds(90)),
      (" 2h  5 min\t", .seconds(7500)),
      ("55s500ms", .milliseconds(55_500)),
      ("300ms20s 5day", .milliseconds(432_020_300)),
      ("1.5s", .milliseconds(1500)),
      ("0.5", .milliseconds(500)),
      (".5s", .milliseconds(500)),
      ("1.25min", .seconds(75)),
      ("12.34 .56", .milliseconds(12_900)),
      ("0.0000000019s", .nanoseconds(1)),
      ("10", .seconds(10)),
      ("0", .zero),
      ("007", .seconds(7)),
      ("292y", .seconds(292 * 31_557_600)),
    ] as [(String, Duration)])
  func parse(text: String, duration: Duration) throws {
    #expect(try DurationText.parse(text) == duration)
  }

  @Test(
    "every name of a unit is known",
    arguments: [
      (["usec", "us", "µs", "μs"], .microseconds(1)),
      (["msec", "ms"], .milliseconds(1)),
      (["seconds", "second", "sec", "s"], .seconds(1)),
      (["minutes", "minute", "min", "m"], .seconds(60)),
      (["hours", "hour", "hr", "h"], .seconds(3600)),
      (["days", "day", "d"], .seconds(86400)),
      (["weeks", "week", "w"], .seconds(604_800)),
      (["months", "month", "M"], .seconds(2_629_800)),
      (["years", "year", "y"], .seconds(31_557_600)),
    ] as [([String], Duration)])
  func units(names: [String], duration: Duration) throws {
    for name in names { #expect(try DurationText.parse("1" + name) == duration) }
  }

  @Test(
    "what is no span is an error that says why",
    arguments: [
      ("", "empty"), ("  ", "empty"),
      ("infinity", "infinity"),
      ("-5s", "negative"), ("5s -1s", "negative"),
      ("abc", "not a duration"), ("s", "not a duration"), ("+5", "not a duration"),
      ("3.", "not a duration"), ("3.s", "not a duration"), ("1.2.3", "not a duration"),
      ("5,5s", "not a duration"), ("0x10", "\"x\""), ("1e3", "\"e\""),
      ("5S", "\"S\""), ("5parsec", "\"parsec\""), ("1 infinity", "\"infinity\""),
      ("293y", "too long"), ("99999999999999999999", "too long"),
      ("9223372036s 9223372036s", "too long"),
    ])
  func malformed(text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try DurationText.parse(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
  }

  @Test(
    "a duration is shown as people read it",
    arguments: [
      (.zero, "0 s"),
      (.nanoseconds(400), "0 s"),
      (.microseconds(85), "85 µs"),
      (.microseconds(99), "99 µs"),
      (.microseconds(340), "0.3 ms"),
      (.microseconds(1234), "1.2 ms"),
      (.milliseconds(5), "5 ms"),
      (.microseconds(9949), "9.9 ms"),
      (.microseconds(9950), "10 ms"),
      (.microseconds(312_400), "312 ms"),
      (.microseconds(999_400), "999 ms"),
      (.microseconds(999_600), "1 s"),
      (.milliseconds(1250), "1.25 s"),
      (.milliseconds(1005), "1.005 s"),
      (.seconds(5), "5 s"),
      (.microseconds(59_999_700), "1min"),
      (.seconds(90), "1min 30s"),
      (.milliseconds(90_500), "1min 30.5s"),
      (.seconds(120), "2min"),
      (.seconds(3900), "1h 5min"),
      (.seconds(86400), "1d"),
      (.seconds(90061), "1d 1h 1min 1s"),
      (.milliseconds(-500), "-500 ms"),
    ] as [(Duration, String)])
  func format(duration: Duration, text: String) {
    #expect(DurationText.format(duration) == text)
  }

  @Test("what is shown above a second can be read back")
  func roundTrip() throws {
    for milliseconds in stride(from: Int64(1000), to: 100_000_000, by: 777_777) {
      let duration = Duration.milliseconds(milliseconds)
      #expect(try DurationText.parse(DurationText.format(duration)) == duration)
    }
  }
}
