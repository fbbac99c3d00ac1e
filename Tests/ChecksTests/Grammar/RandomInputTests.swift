import Testing

@testable import Checks

/// What `make fuzz` does at length and guided, here shortly and always the same: pieces of good input
/// put together at random.
@Suite("Random input")
struct RandomInputTests {
  /// SplitMix64: the same sequence in every run.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private static func text(_ pieces: [String], _ random: inout Generator) -> String {
    (0..<Int.random(in: 0...12, using: &random)).map { _ in
      pieces.randomElement(using: &random) ?? ""
    }.joined()
  }

  private func expectLine(_ message: String) {
    #expect(!message.isEmpty)
    #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control })
  }

  @Test(
    "no SPEC does harm, and what is wrong with one fits one line",
    arguments: CheckSpec.Kind.allCases)
  func specs(kind: CheckSpec.Kind) {
    let pieces = [
      " ", " ", "/", ":", "@", "80", "http://", "https://h", "unix:", "[::1]", "'", "\"", "\\",
      "\n",
      "\u{0}", "ä", "=", "status=", "200-399", "method=", "header=A:b", "body=", "a{3}", "(",
      "json=",
      "a[0].b=1", "name=", "interval=", "1min", "timeout=5s", "fall=", "rise=3", "gates=", "both",
      "tls-ca=/x", "tls-cert=", "tls-key=/k", "%20", "#", "?", ",", "9999999999999999999", "-",
    ]
    var random = Generator(state: 1)
    for _ in 0..<3000 {
      do {
        expectLine(try CheckSpec.parse(kind: kind, text: Self.text(pieces, &random)).derivedName)
      } catch {
        expectLine(error.message)
      }
    }
  }

  @Test("no document does harm")
  func documents() throws {
    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00", "\\ud83d\\ude00", "1", "-0.5e+3",
      ".",
      "e", "true", "null", "fal", " ", "\u{FEFF}", "\u{0}", "ä", "{\"a\":", "[[", "{\"a\":[1,",
    ]
    let expectations = try ["a=1", "a[0]=1", "[0].a=null", #"["a"]["a"]="ä""#].map {
      try JSONExpectation.parse($0)
    }
    var random = Generator(state: 2)
    for _ in 0..<5000 {
      var bytes = Array(Self.text(pieces, &random).utf8)
      if Bool.random(using: &random), let index = bytes.indices.randomElement(using: &random) {
        bytes[index] = UInt8.random(in: 0...255, using: &random)
      }
      for expectation in expectations {
        if let reason = bytes.withUnsafeBytes(expectation.problem(of:)) { expectLine(reason) }
      }
    }
  }

  @Test("no span of time does harm, and what is shown of one is read again")
  func durations() throws {
    let pieces = [
      "1", "23", ".5", " ", "s", "ms", "min", "µs", "y", "-", "infinity", "0", "d", "\u{0}",
    ]
    var random = Generator(state: 3)
    for _ in 0..<5000 {
      do {
        let span = try DurationText.parse(Self.text(pieces, &random))
        #expect(span >= .zero)
        if span < .seconds(86400 * 365) { _ = try DurationText.parse(DurationText.format(span)) }
      } catch {
        expectLine(error.message)
      }
    }
  }
}
