import ArgumentParser
import VouchKit

/// The checks and their defaults, as every subcommand that checks takes them.
struct CheckArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A check: GET a target: /path (the first passed socket), @NAME/path, :PORT/path, "
        + "http://HOST:PORT/path, https://…, http://unix:/SOCKET:/path. Repeatable.",
      valueName: "SPEC"))
  var http: [String] = []

  @Option(
    help: ArgumentHelp(
      "A check: connect to HOST:PORT, :PORT, @NAME or unix:/PATH. Repeatable.", valueName: "SPEC"))
  var tcp: [String] = []

  @Option(
    help: ArgumentHelp(
      "A check: the listen queue of :PORT, ADDRESS:PORT, @NAME or unix:/PATH is no fuller than "
        + "max=80%. Repeatable.", valueName: "SPEC"))
  var backlog: [String] = []

  @Option(
    help: ArgumentHelp(
      "A check: ask grpc.health.v1 at HOST:PORT, :PORT or @NAME, for /SERVICE if need be, or at "
        + "unix:/PATH[:SERVICE]. Repeatable.", valueName: "SPEC"))
  var grpc: [String] = []

  @Option(
    help: ArgumentHelp(
      "A check: a command, run without a shell, that exits 0. Repeatable.", valueName: "SPEC"))
  var exec: [String] = []

  @Option(
    help: ArgumentHelp(
      "From one probe to the next. (default: a third of WatchdogSec=, 10s without it)",
      valueName: "TIME"))
  var interval: String?

  @Option(
    help: ArgumentHelp(
      "How long a probe may take. (default: the smaller of 5s and the interval)",
      valueName: "TIME"))
  var timeout: String?

  @Option(help: ArgumentHelp("Failures in a row before vouch acts.", valueName: "N"))
  var fall = 3

  @Option(help: ArgumentHelp("Passes in a row before a check is healthy.", valueName: "N"))
  var rise = 1

  /// What ArgumentParser has read, for VouchKit.
  var options: CheckOptions {
    var options = CheckOptions()
    options.specs = [
      (.http, http), (.tcp, tcp), (.grpc, grpc), (.backlog, backlog), (.exec, exec),
    ]
    options.interval = interval
    options.timeout = timeout
    options.fall = fall
    options.rise = rise
    return options
  }
}
