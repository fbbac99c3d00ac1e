import Supervision
import Systemd

/// The command line of `vouch run`, read but not yet judged (DESIGN.md, 1.1). `Plan` judges it.
public struct RunOptions: Sendable {
  public var checks = CheckOptions()
  public var noCheck = false

  /// Each `[NAME=]ADDRESS key=value …`.
  public var listen: [String] = []
  /// `systemd`, `argv`, `env:TEMPLATE` (repeatable), a shortcut of one, …; none stands for `systemd`.
  public var pass: [String] = []

  public var startTimeout: String?
  /// `--exit-idle`.
  public var exitIdle: String?
  /// `withhold`, `trigger`, `restart` or `exec=COMMAND`.
  public var onUnhealthy = "withhold"
  public var onReload = OnReload.forward
  public var drain: String?
  public var stopSignal: String?
  public var stopTimeout: String?

  public var logLevel = LogLevel.info
  public var logFormat = LogFormat.auto

  /// The files of variables for the command, each `PATH` or `-PATH`.
  public var environmentFiles: [String] = []

  /// The command and its arguments: bytes, untouched.
  public var command: [[UInt8]] = []

  public init() {}
}

/// Why vouch ends before it has started the child: one line, and the status that DESIGN.md 1.1 gives
/// the kind of mistake.
public struct Refusal: Error, Hashable, CustomStringConvertible {
  public var message: String
  public var exitCode: Int32
  public var description: String { message }

  /// EX_USAGE of sysexits.h: the command line, or the environment, is wrong.
  static func usage(_ message: String) -> Refusal { Refusal(message: message, exitCode: 64) }
  /// EX_SOFTWARE of sysexits.h: vouch itself failed.
  static func failure(_ message: String) -> Refusal { Refusal(message: message, exitCode: 70) }
}
