/// Decides where the socket of each `--listen` comes from, and what becomes of each descriptor that
/// vouch received.
public struct ListenPlan: Hashable, Sendable {
  /// A descriptor that systemd passed, from a .socket unit or from the descriptor store.
  public struct Received: Hashable, Sendable {
    public var name: String
    /// Nil for whatever `--listen` could not have opened.
    public var bound: BoundAddress?

    public init(name: String, bound: BoundAddress?) {
      self.name = name
      self.bound = bound
    }
  }

  public enum Source: Hashable, Sendable {
    /// systemd passed one, which the child gets in its place.
    case passed
    /// It is the received descriptor of this index, which vouch itself stored in an earlier run.
    case stored(Int)
    case opened
  }

  /// For each `--listen`.
  public private(set) var sources: [Source] = []
  /// The indices of what goes on to the child as it came, in their order.
  public private(set) var passedOn: [Int]
  /// The indices of what vouch stored in an earlier run and no `--listen` asks for now.
  public private(set) var stale: [Int]

  /// - Parameters:
  ///   - specs: distinct ones.
  ///   - received: in their order.
  /// - Throws: where systemd passed the address under another name.
  public init(_ specs: [ListenSpec], _ received: [Received]) throws(ListenMistake) {
    passedOn = received.indices.filter { !StoreMark.isOwn(received[$0].name) }
    stale = received.indices.filter { StoreMark.isOwn(received[$0].name) }
    for spec in specs {
      sources.append(try source(of: spec, received))
    }
  }

  private mutating func source(
    of spec: ListenSpec, _ received: [Received]
  ) throws(ListenMistake) -> Source {
    if let name = spec.name, passedOn.contains(where: { received[$0].name == name }) {
      return .passed
    }
    let same = passedOn.first { received[$0].bound.map(spec.address.isMet) ?? false }
    if let same {
      guard let name = spec.name else { return .passed }
      throw ListenMistake(
        "--listen \(quoted(spec.text)): systemd passed the socket of this address under the name "
          + "\(quoted(received[same].name)): say FileDescriptorName=\(name) in its .socket unit, or "
          + "leave the name out here")
    }
    let mark = StoreMark(spec).description
    let stored = stale.firstIndex { index in
      received[index].name == mark
        && (received[index].bound.map { spec.address.isMet(by: $0) } ?? false)
    }
    guard let stored else { return .opened }
    return .stored(stale.remove(at: stored))
  }
}
