/// Time spans as systemd.time(7) writes them ("PARSING TIME SPANS").
public enum DurationText {
  /// Nanoseconds in each unit, under every name that systemd.time(7) gives it. A month is 30.44
  /// days and a year 365.25 days, as there.
  private static let units: [String: Int64] = {
    let second: Int64 = 1_000_000_000
    let table: [(Int64, [String])] = [
      // The micro sign (U+00B5) and the Greek letter (U+03BC) look the same.
      (1000, ["usec", "us", "\u{B5}s", "\u{3BC}s"]),
      (1_000_000, ["msec", "ms"]),
      (second, ["seconds", "second", "sec", "s"]),
      (60 * second, ["minutes", "minute", "min", "m"]),
      (3600 * second, ["hours", "hour", "hr", "h"]),
      (86400 * second, ["days", "day", "d"]),
      (7 * 86400 * second, ["weeks", "week", "w"]),
      (2_629_800 * second, ["months", "month", "M"]),
      (31_557_600 * second, ["years", "year", "y"]),
    ]
    var units: [String: Int64] = [:]
    for (nanoseconds, names) in table {
      for name in names { units[name] = nanoseconds }
    }
    return units
  }()

  /// The span that `text` names: `500ms`, `5s`, `2min`, `1h`, sums such as `1min 30s` or
  /// `1min30s`, fractions such as `1.5s`. A bare number is seconds.
  ///
  /// - Returns: zero or more, and never more than about 292 years (2⁶³ nanoseconds).
  /// - Throws: `SpecError` for anything else; `infinity` too, since nothing here may wait for ever.
  public static func parse(_ text: String) throws(SpecError) -> Duration {
    if text == "infinity" {
      throw SpecError("\"infinity\" is not possible here: give a span such as 5s or 2min")
    }
    var rest = text.unicodeScalars[...]
    skipBlanks(&rest)
    if rest.isEmpty { throw SpecError("the duration is empty: write for example 500ms or 5s") }

    var total: Int64 = 0
    while !rest.isEmpty {
      if rest.first == "-" {
        throw SpecError("the duration \(quoted(text)) is negative")
      }
      let whole = digits(&rest)
      var fraction: Substring.UnicodeScalarView = Substring().unicodeScalars
      if rest.first == "." {
        rest.removeFirst()
        fraction = digits(&rest)
        if fraction.isEmpty { throw malformed(text) }
      } else if whole.isEmpty {
        throw malformed(text)
      }
      let end = rest.startIndex
      skipBlanks(&rest)
      let isApart = rest.startIndex > end
      let name = letters(&rest)
      guard let unit = name.isEmpty ? units["s"] : units[name] else {
        throw SpecError(
          "\(quoted(name)) in the duration \(quoted(text)) is not a unit of time: "
            + "the units are us, ms, s, min, h, d, w")
      }
      // `1.2.3s` is no sum; `1.2 .3s` is one.
      if name.isEmpty, rest.first == ".", !isApart { throw malformed(text) }
      guard let part = nanoseconds(whole, fraction, unit) else { throw tooLong(text) }
      let (sum, overflow) = total.addingReportingOverflow(part)
      if overflow { throw tooLong(text) }
      total = sum
      skipBlanks(&rest)
    }
    return .nanoseconds(total)
  }

  /// The span as messages show it: `85 µs`, `1.2 ms`, `312 ms`, `1.25 s`, `5 s`, `1min 30s`,
  /// `1h 5min`. Below a second it is rounded to what is worth reading, above to milliseconds.
  public static func format(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    if seconds < 0 || attoseconds < 0 { return "-" + format(.zero - duration) }
    if seconds == 0 {
      let microseconds = (attoseconds + 500_000_000_000) / 1_000_000_000_000
      if microseconds == 0 { return "0 s" }
      if microseconds < 100 { return "\(microseconds) µs" }
      if microseconds < 9950 { return decimal(thousandths: roundedTo(100, microseconds)) + " ms" }
      if microseconds < 999_500 { return "\(roundedTo(1000, microseconds) / 1000) ms" }
    }
    var milliseconds = (attoseconds + 500_000_000_000_000) / 1_000_000_000_000_000
    var left = seconds + milliseconds / 1000
    milliseconds %= 1000
    if left < 60 { return decimal(thousandths: left * 1000 + milliseconds) + " s" }

    var parts: [String] = []
    for (name, unit) in [("d", Int64(86400)), ("h", 3600), ("min", 60)] where left >= unit {
      parts.append("\(left / unit)\(name)")
      left %= unit
    }
    if left > 0 || milliseconds > 0 {
      parts.append(decimal(thousandths: left * 1000 + milliseconds) + "s")
    }
    return parts.joined(separator: " ")
  }

  private static func malformed(_ text: String) -> SpecError {
    SpecError("\(quoted(text)) is not a duration: write for example 500ms, 5s, 2min or 1min30s")
  }

  private static func tooLong(_ text: String) -> SpecError {
    SpecError("the duration \(quoted(text)) is too long: at most 292 years")
  }

  private static func skipBlanks(_ rest: inout Substring.UnicodeScalarView) {
    while let scalar = rest.first, scalar == " " || scalar == "\t" || scalar == "\n" {
      rest.removeFirst()
    }
  }

  private static func digits(
    _ rest: inout Substring.UnicodeScalarView
  ) -> Substring.UnicodeScalarView {
    let found = rest.prefix { ("0"..."9").contains($0) }
    rest = rest[found.endIndex...]
    return found
  }

  private static func letters(_ rest: inout Substring.UnicodeScalarView) -> String {
    let found = rest.prefix { $0.properties.isAlphabetic || $0 == "\u{B5}" }
    rest = rest[found.endIndex...]
    return String(found)
  }

  /// `whole.fraction` units; nil when it does not fit.
  private static func nanoseconds(
    _ whole: Substring.UnicodeScalarView, _ fraction: Substring.UnicodeScalarView, _ unit: Int64
  ) -> Int64? {
    var count: Int64 = 0
    if !whole.isEmpty {
      guard let value = Int64(String(whole)) else { return nil }
      count = value
    }
    var (total, overflow) = count.multipliedReportingOverflow(by: unit)
    if overflow { return nil }
    var place = unit / 10
    for digit in fraction {
      (total, overflow) = total.addingReportingOverflow(Int64(digit.value - 48) * place)
      if overflow { return nil }
      place /= 10
    }
    return total
  }

  private static func roundedTo(_ step: Int64, _ value: Int64) -> Int64 {
    (value + step / 2) / step * step
  }

  /// 1250 as "1.25", 5000 as "5".
  private static func decimal(thousandths: Int64) -> String {
    var text = "\(thousandths / 1000)"
    var rest = thousandths % 1000
    if rest == 0 { return text }
    text += "."
    for place in [Int64(100), 10, 1] where rest > 0 {
      text += "\(rest / place)"
      rest %= place
    }
    return text
  }
}
