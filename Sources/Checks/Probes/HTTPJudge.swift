import NIOCore
import NIOHTTP1

/// Judges an answer as it comes in: a verdict ends it, nil asks for more.
struct HTTPJudge {
  /// How much of a body is read, in bytes.
  static let bodyLimit = 64 * 1024
  static let noEnd = "body: no end within 64 KiB"
  private static let tooLong = "the body is longer than 64 KiB, too long for json="
  private static let compressed = "the body is compressed (Content-Encoding)"

  private let expected: StatusSet
  private let matcher: BodyMatcher?
  private let json: [JSONExpectation]
  private var status = 0
  /// Whether the head announced more than is going to be read.
  private var isLong = false
  private var isCompressed = false
  private var count = 0
  private var text = ByteBuffer()

  init(expected: StatusSet, body: BodyMatcher? = nil, json: [JSONExpectation] = []) {
    self.expected = expected
    matcher = body
    self.json = json
  }

  private var needsBody: Bool { matcher != nil || !json.isEmpty }

  mutating func head(_ head: HTTPResponseHead) -> ProbeResult? {
    status = Int(head.status.code)
    // RFC 9110, 15: a status outside this range is invalid. The decoder lets it through.
    guard (100...599).contains(status) else {
      return .failed("malformed answer: status \(status) (phase head)")
    }
    guard expected.contains(status) else {
      return .failed("\(status), expected \(expected)")
    }
    // Upgraded unasked: what follows is not HTTP.
    if status == 101 { return end() }
    // The decoder has refused what is not a number, and one beside Transfer-Encoding.
    if let length = head.headers.first(name: "content-length") {
      isLong = (Int(length) ?? .max) > Self.bodyLimit
    }
    if isLong, !json.isEmpty { return .failed("\(status), \(Self.tooLong)") }
    if needsBody {
      // RFC 9110, 8.4.1; "identity" is old for none.
      isCompressed = head.headers[canonicalForm: "content-encoding"].contains { coding in
        coding.lowercased() != "identity"
      }
    }
    return nil
  }

  mutating func body(_ bytes: ByteBuffer) -> ProbeResult? {
    count += bytes.readableBytes
    if needsBody {
      var bytes = bytes
      let room = Self.bodyLimit - text.readableBytes
      if let part = bytes.readSlice(length: min(room, bytes.readableBytes)) {
        text.writeImmutableBuffer(part)
      }
    }
    if isLong { return count >= Self.bodyLimit ? end() : nil }
    return count > Self.bodyLimit ? .failed(Self.noEnd) : nil
  }

  func end() -> ProbeResult {
    guard needsBody, let problem = text.withUnsafeReadableBytes(problem(of:)) else {
      return .passed("\(status)")
    }
    return .failed("\(status), \(isCompressed ? Self.compressed : problem)")
  }

  private func problem(of body: UnsafeRawBufferPointer) -> String? {
    if let matcher, !matcher.matches(body) { return "the body does not match" }
    for expectation in json {
      if let problem = expectation.problem(of: body) { return problem }
    }
    return nil
  }
}
