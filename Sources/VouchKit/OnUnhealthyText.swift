import Checks
import Launch
import Supervision

extension OnUnhealthy {
  /// Reads the value of `--on-unhealthy`.
  ///
  /// - Returns: what to do, and the words of the command for `exec=`, which can be run.
  static func parse(
    _ text: String, searchPath: [UInt8]?
  ) throws(Refusal) -> (OnUnhealthy, command: [String]?) {
    switch text {
    case "withhold": return (.withhold, nil)
    case "trigger": return (.trigger, nil)
    case "restart": return (.restart, nil)
    default: break
    }
    guard text.hasPrefix("exec=") else {
      throw .usage(
        "--on-unhealthy \(text): it is none of: withhold, trigger, restart, exec=COMMAND")
    }
    let words: [String]
    do {
      words = try ShellWords.split(String(text.dropFirst(5)))
    } catch {
      throw .usage("--on-unhealthy '\(text)': \(error.message)")
    }
    guard let program = words.first, !program.isEmpty else {
      throw .usage("--on-unhealthy '\(text)': it names no command")
    }
    switch CommandResolver.resolve(Array(program.utf8), searchPath: searchPath) {
    case .found: return (.command, words)
    case .notFound: throw .usage("--on-unhealthy '\(text)': command not found: \(program)")
    case .notExecutable(let path, let reason):
      throw .usage(
        "--on-unhealthy '\(text)': cannot be run: \(String(decoding: path, as: UTF8.self)): "
          + reason)
    }
  }
}
