import ArgumentParser
import VouchKit

/// `vouch check`: the checks alone, once.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Ask the checks once, or until all pass, and tell what each answered.",
    usage: "vouch check [OPTIONS]",
    discussion: """
      For deploy scripts, ExecStartPost=, health checks of containers, and for trying a SPEC before it \
      goes into a unit. A line for each check on standard output. Exit status 0: all passed; 1: one \
      failed; 70: vouch could not ask; 64: wrong usage.
      """)

  @OptionGroup var checks: CheckArguments

  @Option(
    help: ArgumentHelp(
      "Ask again until all pass at the same time, for so long at most. (default: ask once)",
      valueName: "TIME"))
  var wait: String?

  @Flag(help: "Print one JSON object instead of lines.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print only what did not pass.")
  var quiet = false

  /// What ArgumentParser has read from these words, for VouchKit.
  func options(_ words: [String]) -> TrialOptions {
    var options = TrialOptions()
    options.checks = checks.options
    options.checks.sort(as: words)
    options.wait = wait
    options.isJSON = json
    options.isQuiet = quiet
    return options
  }
}
