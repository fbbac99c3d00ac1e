import Glibc
import Logging

/// How a log line looks.
public enum LogFormat: String, Sendable, CaseIterable {
  /// `prefixed` where standard error is the journal, else `plain`.
  case auto
  case text

  /// Whether lines carry their priority as `<6>` for the journal (sd-daemon(3), systemd.exec(5)).
  public func isPrefixed(descriptor: Int32 = 2) -> Bool {
    switch self {
    case .text: false
    case .auto: Self.isJournal(descriptor)
    }
  }

  /// Whether the descriptor is the journal's stream that JOURNAL_STREAM names (systemd.exec(5)).
  static func isJournal(_ descriptor: Int32) -> Bool {
    guard let stream = getenv("JOURNAL_STREAM") else { return false }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { return false }
    return String(cString: stream) == "\(info.st_dev):\(info.st_ino)"
  }
}

/// swift-log's lines on standard error, one each, with the priority in front where the journal reads
/// them and `vouch: ` where a person does.
public struct LineLog: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let isPrefixed: Bool
  private let output: LogOutput

  public init(level: Logger.Level, isPrefixed: Bool, output: LogOutput) {
    logLevel = level
    self.isPrefixed = isPrefixed
    self.output = output
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    // What a server or a command line says may hold line breaks; a line stays one line.
    let text = event.message.description.unicodeScalars.map { scalar in
      scalar.value < 0x20 || scalar.value == 0x7f ? " " : String(scalar)
    }.joined()
    output.write((isPrefixed ? "<\(Self.priority(event.level))>" : "vouch: ") + text)
  }

  /// The priorities of syslog(3).
  static func priority(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
