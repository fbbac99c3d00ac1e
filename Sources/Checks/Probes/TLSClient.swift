import Glibc
import NIOCore
import NIOSSL

/// The TLS side of an https check, made once: reading the authorities takes time and memory.
struct TLSClient {
  private let context: NIOSSLContext
  private let serverName: String?

  init(_ spec: TLSSpec) throws(SpecError) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if !spec.verifies {
      configuration.certificateVerification = .none
      configuration.trustRoots = .certificates([])
    } else if let file = spec.authorityFile {
      configuration.trustRoots = .certificates(try Self.authorities(file))
    }
    do {
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      throw SpecError("TLS cannot be set up: \(error)")
    }
    serverName = spec.serverName
  }

  func makeHandler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: context, serverHostname: serverName)
  }

  private static func authorities(_ file: String) throws(SpecError) -> [NIOSSLCertificate] {
    // NIOSSL does not say why it cannot read a file.
    if access(file, R_OK) != 0 {
      throw SpecError("tls-ca=: \(shown(file)): \(words(for: errno))")
    }
    let certificates = try? NIOSSLCertificate.fromPEMFile(file)
    guard let certificates, !certificates.isEmpty else {
      throw SpecError("tls-ca=: \(shown(file)): it holds no certificate in PEM form")
    }
    return certificates
  }
}

/// The place between the socket and TLS, from where a connection is closed at once: NIOSSL would
/// wait seconds for the other side's close_notify, with a timer of its own.
final class TLSLine: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var context: ChannelHandlerContext? = nil

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  /// Closes the channel. Its context is there as long as the channel is open.
  func close() {
    context?.close(promise: nil)
  }
}
