import ArgumentParser
import VouchKit

/// `vouch beat`, for scripts and workers of a service that `vouch run --heartbeat` watches.
struct BeatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "beat",
    abstract: "Tell vouch, from within the service, that a component is alive, or that it failed.",
    discussion: """
      The component is one of --heartbeat. It returns once vouch has taken the report: exit status 0. \
      64: NOTIFY_SOCKET is not vouch's, or no check hears the component. 70: it did not arrive.
      """)

  @Argument(help: ArgumentHelp("The component.", valueName: "name"))
  var component: String

  @Option(help: ArgumentHelp("It failed, and why.", valueName: "REASON"))
  var failed: String?

  @Option(help: ArgumentHelp("What to show for it in STATUS.", valueName: "TEXT"))
  var status: String?

  func run() {
    Beat(component: component, failed: failed, status: status).run()
  }
}
