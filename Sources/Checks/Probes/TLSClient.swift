import NIOCore
import NIOSSL

/// The TLS side of an https check. What its files hold is read at the start, and again when they have
/// changed: certificates are renewed while vouch runs.
final class TLSClient {
  private let spec: TLSSpec
  private let paths: [String]
  private var context: NIOSSLContext
  private var versions: [String: PEMFile.Version?]
  /// Why the files as they are now cannot be used; what they held before is used on. Nil where all is
  /// well.
  private(set) var trouble: String? = nil

  init(_ spec: TLSSpec) throws(SpecError) {
    self.spec = spec
    paths = TLSFiles.paths(spec)
    let files = try TLSFiles(spec)
    versions = files.versions
    context = try Self.makeContext(spec, files)
  }

  func makeHandler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: context, serverHostname: spec.serverName)
  }

  /// Reads the files again if they have changed: a stat(2) for each, and seldom more.
  func refresh() {
    let now = Dictionary(uniqueKeysWithValues: paths.map { ($0, PEMFile.Version($0)) })
    if now == versions { return }
    // Also where they cannot be read: once for each change is enough.
    versions = now
    do {
      let files = try TLSFiles(spec)
      context = try Self.makeContext(spec, files)
      versions = files.versions
      trouble = nil
    } catch {
      trouble = error.message
    }
  }

  private static func makeContext(
    _ spec: TLSSpec, _ files: TLSFiles
  ) throws(SpecError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if !spec.verifies {
      configuration.certificateVerification = .none
      configuration.trustRoots = .certificates([])
    } else if let authorities = files.authorities {
      configuration.trustRoots = .certificates(authorities)
    }
    configuration.certificateChain = files.chain.map { .certificate($0) }
    configuration.privateKey = files.key.map { .privateKey($0) }
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch NIOSSLError.failedToLoadPrivateKey {
      let client = spec.client ?? TLSSpec.ClientFiles(certificateFile: "", keyFile: "")
      throw SpecError(
        "tls-cert=: \(shown(client.certificateFile)): the key in \(shown(client.keyFile)) does not "
          + "belong to it")
    } catch {
      throw SpecError("TLS cannot be set up: \(error)")
    }
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
