/// What vouch answers to `vouch beat`, as one line.
enum BeatReply: Hashable, Sendable {
  case taken
  /// The command line is wrong.
  case usage(String)
  /// It is right, and vouch does not act on it.
  case failure(String)

  var line: String {
    switch self {
    case .taken: "ok\n"
    case .usage(let text): "usage \(text)\n"
    case .failure(let text): "failure \(text)\n"
    }
  }

  /// Nil for what is no answer of vouch's.
  init?(line: some StringProtocol) {
    let words = line.split(separator: "\n").first?.split(separator: " ", maxSplits: 1) ?? []
    switch (words.first, words.count) {
    case ("ok", 1): self = .taken
    case ("usage", 2): self = .usage(String(words[1]))
    case ("failure", 2): self = .failure(String(words[1]))
    default: return nil
    }
  }
}
