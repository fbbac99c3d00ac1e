import Checks
import Glibc
import Launch
import Sockets
import Supervision
import Systemd

/// The sockets of `--listen`: judged, then taken from what systemd passed or kept, or opened.
struct Listening {
  /// A socket of vouch's own.
  struct Own {
    var spec: ListenSpec
    var descriptor: Int32
    var isStored: Bool
    var mark: StoreMark { StoreMark(spec) }
  }

  private let specs: [ListenSpec]
  /// In the order of the command line.
  private(set) var own: [Own] = []
  /// What became of each, for the log.
  private(set) var news: [String] = []

  /// Reads the command line; nothing is opened.
  init(_ texts: [String]) throws(Refusal) {
    var specs: [ListenSpec] = []
    for text in texts {
      do {
        specs.append(try ListenSpec(text: text, words: try ShellWords.split(text)))
      } catch let error as SpecError {
        throw .usage("--listen '\(Supervision.oneLine(text))': \(error.message)")
      } catch {
        throw .usage("\(error)")
      }
    }
    do {
      try ListenSpec.requireDistinct(specs)
    } catch {
      throw .usage(error.message)
    }
    self.specs = specs
  }

  /// Takes or opens each socket, and stores those that vouch opened.
  ///
  /// - Parameters:
  ///   - sockets: those that systemd passed. What vouch stored in an earlier run leaves them; its own
  ///     sockets join them at the end.
  ///   - notifySocket: where systemd hears.
  mutating func open(
    joining sockets: inout PassedSockets, notifySocket: String?, environment: ChildEnvironment
  ) throws(Refusal) {
    let received = sockets.all
    let plan: ListenPlan
    do {
      plan = try ListenPlan(
        specs,
        received.map {
          ListenPlan.Received(name: $0.name, bound: BoundAddress(of: $0.descriptor))
        })
    } catch {
      throw .usage(error.message)
    }
    guard !specs.isEmpty || !plan.stale.isEmpty else { return }
    let store = notifySocket.flatMap { try? Notifier(socket: $0) }.map(DescriptorStore.init)
    var stale = plan.stale
    var kept: [Int: Int32] = [:]
    for case (let index, .stored(let place)) in zip(specs.indices, plan.sources) {
      let descriptor = received[place].descriptor
      if OpenSocket.renew(descriptor, specs[index]),
        OpenSocket.isReachable(descriptor, specs[index])
      {
        kept[index] = descriptor
      } else {
        stale.append(place)
        news.append(
          "the path \(specs[index].address.shown) does not lead to the socket that systemd kept: opened "
            + "anew (RuntimeDirectoryPreserve=restart keeps a RuntimeDirectory=; or does the program "
            + "remove its path?)")
      }
    }
    for place in stale {
      store?.remove(received[place].name)
      close(received[place].descriptor)
    }

    for (index, spec) in specs.enumerated() {
      if case .passed = plan.sources[index] { continue }
      if let descriptor = kept[index] {
        own.append(Own(spec: spec, descriptor: descriptor, isStored: true))
        news.append("listening on \(spec.shown), which systemd kept")
      } else {
        own.append(
          Own(
            spec: spec, descriptor: try Self.open(spec, patiently: !stale.isEmpty), isStored: false)
        )
        news.append("listening on \(spec.shown)")
      }
    }
    if Self.storeHasRoom(environment) { keep(in: store) }
    sockets.areNamed =
      sockets.areNamed && !plan.passedOn.isEmpty || own.contains { $0.spec.name != nil }
    sockets.all =
      plan.passedOn.map { received[$0] }
      + own.map { PassedSocket(descriptor: $0.descriptor, name: $0.spec.name ?? "unknown") }
  }

  /// - Parameter patiently: whether an address that is in use may soon be free, for systemd is about to
  ///   close what it kept.
  private static func open(
    _ spec: ListenSpec, patiently: Bool
  ) throws(Refusal) -> Int32 {
    do {
      var wait: UInt32 = 1000
      for _ in 0..<(patiently ? 12 : 0) {
        do {
          return try OpenSocket.open(spec)
        } catch  where error.reason == .inUse {
          usleep(wait)
          wait *= 2
        }
      }
      return try OpenSocket.open(spec)
    } catch {
      var message = "--listen '\(Supervision.oneLine(spec.text))': \(error)"
      if error.reason == .inUse, let holder = holder(of: spec.address) {
        message += " by \(holder)"
        if holder.hasSuffix("(systemd)") {
          message += "; if it is a .socket unit's, Sockets= in the service passes it on"
        }
      }
      throw .failure(message)
    }
  }

  private static func holder(of address: ListenAddress) -> String? {
    guard address.kind == .stream else { return nil }
    switch address.place {
    case .everywhere(let port), .ip4(_, let port), .ip6(_, let port):
      return PortHolder.name(ofTCP: port)
    case .path(let path): return PortHolder.name(ofPath: path)
    case .abstract: return nil
    }
  }

  /// Whether systemd keeps descriptors for this service, as far as can be told without asking it: from
  /// 254 on it says so in FDSTORE. Before that the unit files tell; a user's service has to ask.
  private static func storeHasRoom(_ environment: ChildEnvironment) -> Bool {
    if let told = room(environment) { return told > 0 }
    guard let unit = OwnUnit.fromFiles() else { return false }
    return unit.descriptorStoreMax ?? 0 > 0
  }

  private static func room(_ environment: ChildEnvironment) -> Int? {
    environment["FDSTORE"].flatMap { Int(String(decoding: $0, as: UTF8.self)) }
  }

  /// Stores what is not stored yet. Before the child starts, so that nothing is lost whatever happens.
  private mutating func keep(in store: DescriptorStore?) {
    guard let store else { return }
    for index in own.indices where !own[index].isStored {
      let own = own[index]
      let error = store.keep(own.descriptor, as: own.mark, patience: DescriptorStore.patience)
      self.own[index].isStored = error == nil
    }
  }

  /// Makes vouch's own sockets fit for the next child.
  func renew() {
    for own in own { OpenSocket.renew(own.descriptor, own.spec) }
  }

  /// The child's environment: of the places in the store that FDSTORE tells of, vouch takes some.
  func adjust(_ environment: ChildEnvironment) -> ChildEnvironment {
    guard !own.isEmpty, let room = Self.room(environment) else { return environment }
    return room > own.count
      ? environment.setting("FDSTORE", to: String(room - own.count))
      : environment.removing("FDSTORE")
  }
}

extension ListenSpec {
  /// For the log.
  fileprivate var shown: String {
    name.map { "\($0)=\(address.shown)" } ?? address.shown
  }
}
