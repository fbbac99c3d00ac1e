import ArgumentParser
import VouchKit

/// `vouch reload`, for ExecReload= of a unit that vouch runs in.
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Ask a running vouch for a reload, and wait for what comes of it.",
    discussion: """
      As ExecReload= it makes systemctl reload fail when the reload did. Exit status 0: done; 1: it \
      failed, and all is as it was; 64: wrong usage; 70: that vouch cannot be reached.
      """)

  @Option(
    name: .customLong("pid"),
    help: ArgumentHelp("The vouch to ask. (default: MAINPID, as systemd sets it)", valueName: "PID")
  )
  var process: Int?

  func run() {
    Reload(process: process).run()
  }
}
