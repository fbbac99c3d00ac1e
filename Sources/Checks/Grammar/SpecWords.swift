/// A SPEC taken apart: the words of the form `key=value`, and the others.
struct SpecWords {
  struct Option: Equatable {
    var key: String
    var value: String
  }

  var options: [Option] = []
  var rest: [String] = []

  /// - Parameter commandFollows: whether everything from the first word on that is no option
  ///   belongs together, as with env(1); otherwise options may stand anywhere.
  init(_ text: String, commandFollows: Bool) throws(SpecError) {
    for word in try ShellWords.split(text) {
      if !(commandFollows && !rest.isEmpty), let option = Self.option(word) {
        options.append(option)
      } else {
        rest.append(word)
      }
    }
  }

  /// A word is an option only if it begins with `[a-z][a-z-]*=`.
  static func option(_ word: String) -> Option? {
    guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let key = word[..<equals]
    let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    guard let first = key.utf8.first, isLetter(first),
      key.utf8.allSatisfy({ isLetter($0) || $0 == UInt8(ascii: "-") })
    else { return nil }
    return Option(key: String(key), value: String(word[word.utf8.index(after: equals)...]))
  }

  /// The only word that is no option.
  func target() throws(SpecError) -> String {
    guard let target = rest.first, !target.isEmpty else { throw SpecError("it names no target") }
    if rest.count > 1 {
      throw SpecError(
        "\(quoted(rest[1])) is one target too many: each check has one, and its options are "
          + "written key=value")
    }
    return target
  }
}

/// The options of one SPEC by key, each to be taken out by whoever understands it.
struct SpecOptions {
  private var values: [String: [String]] = [:]

  init(_ options: [SpecWords.Option], keys: [String], repeatable: Set<String>) throws(SpecError) {
    for option in options {
      guard keys.contains(option.key) else {
        throw SpecError(
          "unknown key \(quoted(option.key)); the keys are: \(keys.joined(separator: ", "))")
      }
      if values[option.key] != nil, !repeatable.contains(option.key) {
        throw SpecError("\(option.key)= is given twice")
      }
      values[option.key, default: []].append(option.value)
    }
  }

  func has(_ key: String) -> Bool { values[key] != nil }

  func all(_ key: String) -> [String] { values[key] ?? [] }

  /// The value of `key` as `parse` reads it; nil where the key is not given.
  func value<Value>(
    _ key: String, _ parse: (String) throws(SpecError) -> Value
  ) throws(SpecError) -> Value? {
    guard let text = values[key]?.first else { return nil }
    do {
      return try parse(text)
    } catch {
      throw SpecError("\(key)=: \(error.message)")
    }
  }
}
