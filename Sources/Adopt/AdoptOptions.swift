/// What can be chosen of `--pass adopt`, as words behind it: `--pass "adopt io-uring=no"`.
public struct AdoptOptions: Hashable, Sendable {
  /// Whether programs may use io_uring, which can bind without being asked about (it is rare: libuv and
  /// nginx do not). Where they may not, io_uring_setup(2) fails with ENOSYS.
  public var allowsIOUring = true
  /// Whether a passed socket may stand in for an address that is narrower than its own, so that the
  /// program is reachable from more places than it asked for.
  public var allowsWider = false

  public init() {}

  private static let names = ["io-uring", "wider"]

  private subscript(name: String) -> Bool {
    get { name == "wider" ? allowsWider : allowsIOUring }
    set { if name == "wider" { allowsWider = newValue } else { allowsIOUring = newValue } }
  }

  /// Reads one value of `--pass`.
  ///
  /// - Returns: nil where it is another protocol.
  /// - Throws: what is wrong with the words.
  public static func parse(_ value: String) throws(AdoptError) -> AdoptOptions? {
    let words = value.split(separator: " ", omittingEmptySubsequences: true)
    guard words.first == "adopt" else { return nil }
    var options = AdoptOptions()
    for word in words.dropFirst() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard names.contains(name) else {
        let list = names.map { $0 + "=yes|no" }.joined(separator: ", ")
        throw .usage("--pass adopt: \(word): no such option; there are \(list)")
      }
      switch parts.count == 2 ? parts[1] : "" {
      case "yes": options[name] = true
      case "no": options[name] = false
      default: throw .usage("--pass adopt: \(word): write \(name)=yes or \(name)=no")
      }
    }
    return options
  }
}
