import Supervision

/// What vouch answers to `vouch reload`, as one line.
enum ReloadReply: Hashable, Sendable {
  case done
  /// All is as it was before.
  case failed(String)
  /// The service is being stopped.
  case stopping
  /// Whoever asks may not.
  case refused(String)

  init(_ verdict: ReloadVerdict) {
    switch verdict {
    case .done: self = .done
    case .stopping: self = .stopping
    case .failed(let reason): self = .failed(reason)
    }
  }

  var line: String {
    switch self {
    case .done: "done\n"
    case .stopping: "stopping\n"
    case .failed(let text): "failed \(Supervision.oneLine(text))\n"
    case .refused(let text): "refused \(text)\n"
    }
  }

  /// Nil for what is no answer of vouch's.
  init?(line: some StringProtocol) {
    let words = line.split(separator: "\n").first?.split(separator: " ", maxSplits: 1) ?? []
    switch (words.first, words.count) {
    case ("done", 1): self = .done
    case ("stopping", 1): self = .stopping
    case ("failed", 2): self = .failed(String(words[1]))
    case ("refused", 2): self = .refused(String(words[1]))
    default: return nil
    }
  }
}
