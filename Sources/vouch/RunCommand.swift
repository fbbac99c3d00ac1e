import ArgumentParser
import Supervision
import Systemd
import VouchKit

/// `vouch run`, the default subcommand.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a command, and vouch for it to systemd while its checks pass.",
    usage: "vouch [run] [OPTIONS] -- COMMAND [ARG...]",
    discussion: """
      SPEC is a target with key=value words around it, split as a shell splits words. Keys of every \
      check: name, interval, timeout, fall, rise, gates=ready|watchdog|both|none. Of http also: \
      status, method, header, body, json, tls-ca, tls-name, tls-cert, tls-key, tls-verify; of http, \
      tcp, grpc and backlog: peer=child|any; of backlog: max.

      Times: 500ms, 5s, 2min, 1h, "1min 30s"; a bare number is seconds.
      """)

  @OptionGroup var checks: CheckArguments

  @Option(
    help: ArgumentHelp(
      "A passive check: the component NAME reports within its interval, with vouch beat NAME; "
        + "notify: the program's own sd_notify. Repeatable.",
      valueName: "SPEC"))
  var heartbeat: [String] = []

  @Flag(
    name: .customLong("no-check"),
    help: "Probe nothing: READY once the child runs, the watchdog fed while it lives.")
  var noCheck = false

  @Option(
    help: ArgumentHelp(
      "A listening socket of vouch's own, where systemd passed none of that name: [NAME=]PORT, "
        + "HOST:PORT, [V6]:PORT, /PATH, with udp: in front for datagrams. Repeatable.",
      valueName: "SPEC"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp(
      "How the program takes the sockets: systemd (the default), argv, env:TEMPLATE (repeatable), "
        + "nginx, php-fpm, server-starter, inetd, none, or adopt for one that binds for itself.",
      valueName: "PROTOCOL"),
    completion: .list([
      "systemd", "argv", "env:", "nginx", "php-fpm", "server-starter", "inetd", "none", "adopt",
    ]))
  var pass: [String] = []

  @Option(
    name: .customLong("env-file"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Variables for the program, in the format of EnvironmentFile=, read anew at each of its "
        + "starts; -PATH may be missing. Repeatable.", valueName: "PATH"),
    completion: .file())
  var environmentFiles: [String] = []

  @Option(
    name: .customLong("start-timeout"),
    help: ArgumentHelp(
      "How long the start may take; systemd is kept waiting, then the child is stopped, exit 75.",
      valueName: "TIME"))
  var startTimeout: String?

  @Option(
    name: .customLong("on-unhealthy"),
    help: ArgumentHelp(
      "After --fall failures: withhold (the watchdog does the rest), trigger it at once, restart "
        + "the child, or run a command and then withhold.",
      valueName: "withhold|trigger|restart|exec=COMMAND"),
    completion: .list(["withhold", "trigger", "restart", "exec="]))
  var onUnhealthy = "withhold"

  @Option(
    name: .customLong("on-reload"),
    help: ArgumentHelp(
      "What a reload does: forward it to the child, or replace the child by a new one that is started "
        + "beside it, once that one passes.", valueName: "forward|replace"))
  var onReload = OnReload.forward

  @Option(
    help: ArgumentHelp(
      "How long a child that was replaced has to finish. (default: --stop-timeout, or 10s)",
      valueName: "TIME"))
  var drain: String?

  @Option(
    name: .customLong("stop-signal"),
    help: ArgumentHelp(
      "What the child is stopped with. (default: what vouch got)", valueName: "SIG"),
    completion: .list(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"]))
  var stopSignal: String?

  @Option(
    name: .customLong("stop-timeout"),
    help: ArgumentHelp(
      "From the stop signal to SIGKILL. (default: none, TimeoutStopSec= rules)",
      valueName: "TIME"))
  var stopTimeout: String?

  @Option(
    name: .customLong("exit-idle"),
    help: ArgumentHelp(
      "Stop, successfully, once no passed socket has had a connection for this long: the .socket unit "
        + "starts the service again for the next one.",
      valueName: "TIME"))
  var exitIdle: String?

  @Option(
    name: .customLong("log-level"),
    help: ArgumentHelp("The least that is logged.", valueName: "error|warning|notice|info|debug"))
  var logLevel = LogLevel.info

  @Option(
    name: .customLong("log-format"),
    help: ArgumentHelp(
      "auto: with priorities where the journal reads; text: plain.", valueName: "auto|text"))
  var logFormat = LogFormat.auto

  /// What ArgumentParser has read, for VouchKit; the command is not its to read.
  func options(command: [[UInt8]]) -> RunOptions {
    var options = RunOptions()
    options.checks = checks.options
    options.checks.specs.append((.heartbeat, heartbeat))
    options.noCheck = noCheck
    options.listen = listen
    options.pass = pass
    options.environmentFiles = environmentFiles
    options.startTimeout = startTimeout
    options.onUnhealthy = onUnhealthy
    options.onReload = onReload
    options.drain = drain
    options.stopSignal = stopSignal
    options.stopTimeout = stopTimeout
    options.exitIdle = exitIdle
    options.logLevel = logLevel
    options.logFormat = logFormat
    options.command = command
    return options
  }
}

extension OnReload: ExpressibleByArgument {}

extension LogFormat: ExpressibleByArgument {}

extension LogLevel: ExpressibleByArgument {
  private static let names: [String: LogLevel] = [
    "error": .error, "warning": .warning, "notice": .notice, "info": .info, "debug": .debug,
  ]

  public static var allValueStrings: [String] { ["error", "warning", "notice", "info", "debug"] }

  public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

  /// A raw value is a number, which nobody could give.
  public var defaultValueDescription: String {
    Self.names.first { $0.value == self }?.key ?? ""
  }

  public init?(argument: String) {
    guard let level = Self.names[argument] else { return nil }
    self = level
  }
}
