import NIOCore
import NIOHPACK

/// Judges the answer to grpc.health.v1's Check as it comes in (grpc/grpc, doc/PROTOCOL-HTTP2.md): a
/// verdict ends it, nil asks for more.
struct GRPCJudge {
  /// The longest answer that is read, in bytes, in one message.
  static let messageLimit = 60 * 1024

  private let service: String
  private var hasHead = false
  /// The message with its prefix, as far as it has come.
  private var message = ByteBuffer()

  /// - Parameter service: what was asked for; empty for the server as a whole.
  init(service: String) {
    self.service = service
  }

  /// Response-Headers, Trailers-Only or Trailers.
  mutating func headers(_ headers: HPACKHeaders, isLast: Bool) -> ProbeResult? {
    if !hasHead {
      // HTTP/2's decoder has seen to it that this is three digits.
      let status = headers.first(name: ":status") ?? ""
      // RFC 9110, 15.2: what comes ahead of the answer proper.
      if status.hasPrefix("1"), !isLast { return nil }
      hasHead = true
      guard status == "200" else { return .failed("HTTP status \(status), expected 200") }
      guard isGRPC(headers) else {
        return .failed("its answer is not gRPC: another content-type than application/grpc")
      }
    }
    return isLast ? end(headers) : nil
  }

  /// A part of Length-Prefixed-Message: one byte for compression, four for the length, the message.
  mutating func data(_ bytes: ByteBuffer, isLast: Bool) -> ProbeResult? {
    message.writeImmutableBuffer(bytes)
    if let compressed: UInt8 = message.getInteger(at: 0), compressed != 0 {
      return .failed(
        compressed == 1
          ? "its answer is compressed, though nothing allowed it to be"
          : Self.malformed("the message begins with neither 0 nor 1"))
    }
    if let length = announced {
      guard length <= Self.messageLimit else {
        return .failed("its answer is longer than \(Self.messageLimit / 1024) KiB")
      }
      guard message.readableBytes <= Self.prefix + length else {
        return .failed(Self.malformed("more than one message"))
      }
    }
    return isLast ? .failed(Self.malformed("no grpc-status at its end")) : nil
  }

  private static let prefix = 5

  /// How long the message is to be, once that is known.
  private var announced: Int? {
    message.getInteger(at: 1, as: UInt32.self).map(Int.init)
  }

  private func isGRPC(_ headers: HPACKHeaders) -> Bool {
    if headers.contains(name: "grpc-status") { return true }
    guard let type = headers.first(name: "content-type")?.lowercased() else { return false }
    let name = "application/grpc"
    guard type.hasPrefix(name) else { return false }
    // Then nothing, +proto, or parameters; application/grpc-web is another protocol.
    return type.count == name.count || "+; ".contains(type.dropFirst(name.count).first ?? "-")
  }

  private func end(_ trailers: HPACKHeaders) -> ProbeResult {
    guard let text = trailers.first(name: "grpc-status") else {
      return .failed(Self.malformed("no grpc-status at its end"))
    }
    guard let code = wholeNumber(text) else {
      return .failed(Self.malformed("grpc-status is no number"))
    }
    guard code == 0 else { return .failed(GRPCStatus.reason(code, service: service)) }
    guard let length = announced, message.readableBytes == Self.prefix + length,
      let bytes = message.getSlice(at: Self.prefix, length: length)
    else { return .failed(Self.malformed("grpc-status OK without a whole message")) }
    guard let status = HealthMessage.status(bytes) else {
      return .failed(Self.malformed("the message is not a HealthCheckResponse"))
    }
    if status == .serving { return .passed(status.name) }
    return .failed(status.name)
  }

  private static func malformed(_ what: String) -> String { "malformed answer: \(what)" }
}
