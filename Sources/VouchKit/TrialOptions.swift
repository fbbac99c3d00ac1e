import Checks

/// The command line of `vouch check`, read but not yet judged. `TrialPlan` judges it.
public struct TrialOptions: Sendable {
  public var checks = CheckOptions()
  /// How long to go on until all checks pass; nil asks each once.
  public var wait: String?
  public var isJSON = false
  /// Says only what did not pass.
  public var isQuiet = false

  public init() {}
}

extension CheckOptions {
  /// Puts the checks in the order of the command line, each a group of its own, where they came
  /// grouped by their kinds: ArgumentParser does not tell in which order options of different names
  /// were given.
  ///
  /// - Parameter words: the words that they were read from. An option's value never begins with a
  ///   hyphen there, so that `--http` is always the flag.
  public mutating func sort(as words: [String]) {
    var left = specs
    var sorted: [(kind: CheckSpec.Kind, texts: [String])] = []
    for word in words {
      let flag = word.prefix { $0 != "=" }
      guard let place = left.firstIndex(where: { "--\($0.kind.rawValue)" == flag }),
        !left[place].texts.isEmpty
      else { continue }
      sorted.append((left[place].kind, [left[place].texts.removeFirst()]))
    }
    specs = sorted + left
  }
}
