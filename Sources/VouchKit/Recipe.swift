import Handover
import Launch
import Supervision
import Systemd

/// How one generation of the child is started. It is settled anew for each, so that whatever changed
/// since the last start counts: a package that was upgraded, the files of `--env-file`.
struct Recipe {
  /// The files to try for the command.
  var paths: [[UInt8]]
  var arguments: [[UInt8]]
  var environment: ChildEnvironment
  /// What was passed over, in words.
  var complaints: [String]

  /// - Parameter generation: counts the starts of the child, from 1; the child finds it in
  ///   VOUCH_GENERATION.
  /// - Throws: why the command cannot be started, with the exit status for it.
  init(_ plan: Plan, generation: Int) throws(Refusal) {
    let content = try plan.environmentFiles.read()
    let base = content.variables.reduce(plan.environment) { $0.setting($1.name, to: $1.value) }
    paths = try Self.resolve(plan.command[0], searchPath: base["PATH"])
    arguments = plan.handover.arguments
    environment = plan.childVariables.reduce(
      plan.listening.adjust(base).forChild(passing: plan.handover, of: plan.sockets)
    ) { $0.setting($1.key, to: $1.value) }
    .setting("VOUCH_GENERATION", to: String(generation))
    complaints = content.complaints
  }

  /// Finds the command's file, by the PATH that it will have itself, as env(1) does.
  static func resolve(
    _ program: [UInt8], searchPath: [UInt8]?
  ) throws(Refusal) -> [[UInt8]] {
    let name = String(decoding: program, as: UTF8.self)
    switch CommandResolver.resolve(program, searchPath: searchPath) {
    case .found(let paths): return paths
    case .notFound:
      throw Refusal(message: "command not found: \(name.isEmpty ? "\"\"" : name)", exitCode: 127)
    case .notExecutable(let path, let reason):
      throw Refusal(
        message: "cannot be run: \(String(decoding: path, as: UTF8.self)): \(reason)",
        exitCode: 126)
    }
  }
}
