import ArgumentParser
import Launch
import Systemd
import VouchKit

/// The command line as a whole. Subcommands join in `configuration`.
struct CommandLineInterface: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vouch",
    abstract: "Hands a program its sockets, and vouches for it to systemd while its checks pass.",
    version: "vouch \(vouchVersion)",
    subcommands: [RunCommand.self, CheckCommand.self, BeatCommand.self, ReloadCommand.self],
    defaultSubcommand: RunCommand.self)

  /// Reads the arguments and does what they say.
  ///
  /// What follows `--` never passes through a String: it reaches the child byte for byte.
  static func main(_ beginning: Vouch.Beginning) -> Never {
    let arguments = ProgramArguments.current.dropFirst()
    let terminator = arguments.firstIndex(of: Array("--".utf8))
    let own = arguments[..<(terminator ?? arguments.endIndex)]
    let words = own.map { String(decoding: $0, as: UTF8.self) }
    let command = terminator.map { Array(arguments[($0 + 1)...]) } ?? []
    if terminator == nil, [["--help"], ["-h"], ["help"]].contains(words) {
      // There is one thing that people run; its options are the help they look for.
      print(helpMessage(for: RunCommand.self) + "\n\n" + otherCommands)
      exit()
    }
    do {
      let parsed = try parseAsRoot(words)
      if let run = parsed as? RunCommand { Vouch.run(run.options(command: command), beginning) }
      guard terminator == nil else {
        throw ValidationError(
          "vouch \(Self.name(of: parsed)) runs no command: leave out -- and what follows it")
      }
      if let check = parsed as? CheckCommand { Vouch.check(check.options(words), beginning) }
      // A subcommand that ArgumentParser adds itself, such as help.
      var other = parsed
      try other.run()
      exit()
    } catch {
      end(with: error)
    }
  }

  private static func name(of command: any ParsableCommand) -> String {
    type(of: command).configuration.commandName ?? ""
  }

  /// What the help of `run` does not name.
  private static var otherCommands: String {
    let commands = configuration.subcommands.filter { $0 != RunCommand.self }
    let names = commands.map { $0.configuration.commandName ?? "" }
    let width = names.map(\.count).max() ?? 0
    let lines = zip(names, commands).map { name, command in
      "  \(name)" + String(repeating: " ", count: width + 2 - name.count)
        + command.configuration.abstract
    }
    return "OTHER COMMANDS:\n" + lines.joined(separator: "\n")
      + "\n\n  See 'vouch help COMMAND' for each, and vouch(1)."
  }

  /// What was asked for (--help, --version) goes to standard output; what is wrong is one line.
  private static func end(with error: Error) -> Never {
    guard exitCode(for: error) != .success else { exit(withError: error) }
    let message = message(for: error).split(separator: "\n").first ?? "wrong usage"
    LogOutput().write(LogFormat.auto.isPrefixed() ? "<3>\(message)" : "vouch: \(message)")
    exit(withError: ExitCode(64))
  }
}
