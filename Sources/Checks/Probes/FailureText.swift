import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL

/// Errors of the network, TLS, HTTP and HTTP/2 in a few words.
enum FailureText {
  static func of(_ error: any Error, in phase: ConnectionRun.Phase) -> String {
    switch error {
    case let error as IOError:
      return "\(words(for: error.errnoCode)) (phase \(phase.rawValue))"
    case HTTPParserError.invalidEOFState:
      return closed(in: phase)
    case let error as HTTPParserError:
      return "malformed answer: \(error.debugDescription) (phase \(phase.rawValue))"
    case let error as any NIOHTTP2Error:
      return "malformed answer: \(spaced("\(type(of: error))")) (phase \(phase.rawValue))"
    case NIOSSLError.uncleanShutdown:
      return "TLS: connection closed without notice (phase \(phase.rawValue))"
    case NIOSSLError.handshakeFailed(let error):
      return "TLS: " + reason(error)
    case let error as NIOSSLError:
      return "TLS: \(spaced("\(error)")) (phase \(phase.rawValue))"
    case let error as BoringSSLError:
      return "TLS: \(reason(error)) (phase \(phase.rawValue))"
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      return "TLS: the certificate is for another name"
    default:
      return "\(type(of: error)) (phase \(phase.rawValue))"
    }
  }

  static func closed(in phase: ConnectionRun.Phase) -> String {
    "connection closed by peer (phase \(phase.rawValue))"
  }

  /// The first line of BoringSSL's error stack, of which only the reason is for human eyes:
  /// `error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
  private static func reason(_ error: BoringSSLError) -> String {
    guard case .sslError(let stack) = error, let first = stack.first else {
      return "handshake failed"
    }
    if first == .eofDuringHandshake { return "connection closed by peer in the handshake" }
    let text = first.description
    guard let line = text.split(separator: ":").first(where: { $0.contains(" at ") }),
      let name = line.split(separator: " ").first
    else { return "handshake failed" }
    return name.lowercased().split(separator: "_").joined(separator: " ")
  }

  /// `readInInvalidTLSState` as "read in invalid tls state".
  private static func spaced(_ name: String) -> String {
    var text = ""
    var afterCapital = true
    for letter in name {
      if letter.isUppercase, !afterCapital { text += " " }
      afterCapital = letter.isUppercase
      text += letter.lowercased()
    }
    return text
  }
}
