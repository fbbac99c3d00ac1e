/// The text of a unit that runs `child` under vouch.
///
/// - Parameters:
///   - vouch: vouch's own options, written as in ExecStart=.
///   - child: the command behind `--`.
///   - settings: further lines of the [Service] section; the start limit is off, since tests
///     restart more often than it allows.
func serviceText(vouch: String, child: String, _ settings: String...) -> String {
  """
  [Unit]
  StartLimitIntervalSec=0
  [Service]
  Type=notify
  KillMode=mixed
  ExecStart=\(Places.Inside.vouch) \(vouch) -- \(child)
  \(settings.joined(separator: "\n"))

  """
}

/// The fixtures' command lines.
enum Fixture {
  private static func python(_ script: String) -> String {
    "/usr/bin/python3 \(Places.Inside.fixtures)/\(script)"
  }

  static func switchServer(port: Int, control: String) -> String {
    python("switch_server.py --port \(port) --control \(control)")
  }

  static func grpcServer(port: Int, control: String) -> String {
    python("grpc_server.py --port \(port) --control \(control)")
  }

  /// - Parameter delay: how long it takes to answer a check, in seconds.
  static func webApp(port: Int? = nil, startAfter seconds: Double = 0, delay: Double = 0) -> String
  {
    python("web_app.py --start-after \(seconds) --delay \(delay)")
      + (port.map { " --port \($0)" } ?? "")
  }

  static func signalLog(_ file: String) -> String { python("signal_log.py \(file)") }

  static func showSockets(_ file: String) -> String { python("show_sockets.py \(file)") }

  static func showHandover(_ arguments: String) -> String {
    python("show_handover.py \(arguments)")
  }
}
