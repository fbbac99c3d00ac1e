import CSystemd
import Glibc

/// What systemd says of the unit that this process belongs to (org.freedesktop.systemd1(5)).
public struct OwnUnit: Hashable, Sendable {
  /// "foo.service"
  public var name: String
  /// KillMode= (systemd.kill(5))
  public var killMode: String?
  /// KillSignal=, by number where systemd told it, as it is written where a unit file did.
  public var killSignal: Int32?
  public var killSignalName: String?
  /// ReloadSignal=, from systemd 253 on.
  public var reloadSignal: Int32?
  /// FileDescriptorStoreMax=: how many descriptors systemd keeps for it.
  public var descriptorStoreMax: Int?
  /// Restart= (systemd.service(5))
  public var restart: String?
  /// StartLimitIntervalSec= and StartLimitBurst= (systemd.unit(5)): after so many starts within that
  /// time systemd refuses the next one. The interval in microseconds where systemd told it, as it is
  /// written where a unit file did.
  public var startLimitMicroseconds: UInt64?
  public var startLimitText: String?
  public var startLimitBurst: Int?
  /// "activating", "active", "reloading", "deactivating", …
  public var activeState: String?

  public init(name: String) { self.name = name }

  /// Whether this process belongs to a service, of the system or of a user; no question is asked.
  public static var isService: Bool { UnitIdentity.own != nil }

  /// What the unit files say, where systemd cannot be asked; nil where they are out of sight too, or
  /// the service is a user's (whose own manager answers).
  public static func fromFiles() -> OwnUnit? {
    guard let identity = UnitIdentity.own, !identity.isUser,
      let values = UnitFiles().service(
        identity.name,
        // The limit of starts by its names before systemd 230, too, which are still taken.
        [
          "KillMode", "KillSignal", "FileDescriptorStoreMax", "Restart", "StartLimitInterval",
          "StartLimitBurst",
        ],
        ofUnit: ["StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst"])
    else { return nil }
    var unit = OwnUnit(name: identity.name)
    // The default of systemd.kill(5).
    unit.killMode = values["KillMode"] ?? "control-group"
    unit.killSignalName = values["KillSignal"]
    unit.restart = values["Restart"]
    unit.startLimitText = values["StartLimitIntervalSec"] ?? values["StartLimitInterval"]
    unit.startLimitBurst = values["StartLimitBurst"].flatMap { Int($0) }
    unit.descriptorStoreMax = values["FileDescriptorStoreMax"].map { Int($0) } ?? 0
    return unit
  }

  /// Asks systemd. Blocks for up to `patience`, and for longer where the bus accepts connections but
  /// nobody answers there: call it from a thread of its own.
  ///
  /// - Parameter andStore: whether `descriptorStoreMax` is wanted too.
  public static func ask(
    patience: Duration, andStore: Bool = false
  ) throws(SystemdError) -> OwnUnit? {
    guard let identity = UnitIdentity.own else { return nil }
    let bus = try Bus(user: identity.isUser, patience: patience)
    let path = try identity.objectPath()
    var unit = OwnUnit(name: identity.name)
    unit.killMode = bus.string("KillMode", of: .service, path)
    unit.killSignal = bus.number("KillSignal", of: .service, path, type: "i")
      .map(Int32.init(truncatingIfNeeded:))
    unit.reloadSignal = bus.number("ReloadSignal", of: .service, path, type: "i")
      .map(Int32.init(truncatingIfNeeded:))
    unit.activeState = bus.string("ActiveState", of: .unit, path)
    unit.restart = bus.string("Restart", of: .service, path)
    unit.startLimitMicroseconds = bus.number("StartLimitIntervalUSec", of: .unit, path, type: "t")
    unit.startLimitBurst = bus.number("StartLimitBurst", of: .unit, path, type: "u").map(Int.init)
    if andStore {
      unit.descriptorStoreMax = bus.number("FileDescriptorStoreMax", of: .service, path, type: "u")
        .map(Int.init)
    }
    guard unit.killMode != nil else {
      throw SystemdError("KillMode of \(identity.name)", bus.lastResult)
    }
    return unit
  }
}

/// The unit's name, as the control group tells it (sd_pid_get_unit(3)).
private struct UnitIdentity {
  var name: String
  var isUser: Bool

  static var own: UnitIdentity? {
    // A service of a user's manager lies within user@.service of the system's: look there first.
    if let name = unit(sd_pid_get_user_unit) { return UnitIdentity(name: name, isUser: true) }
    if let name = unit(sd_pid_get_unit) { return UnitIdentity(name: name, isUser: false) }
    guard access("/proc/1/cgroup", F_OK) != 0, let own = ControlGroupPath.own else { return nil }
    return UnitIdentity(name: own.service, isUser: own.isUser)
  }

  private static func unit(
    _ ask: (pid_t, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32
  ) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard ask(0, &text) >= 0, let text else { return nil }
    defer { free(text) }
    let name = String(cString: text)
    return name.hasSuffix(".service") && !name.hasPrefix("user@") ? name : nil
  }

  func objectPath() throws(SystemdError) -> String {
    var text: UnsafeMutablePointer<CChar>?
    let result = sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &text)
    guard result >= 0, let text else { throw SystemdError("the path of \(name)", result) }
    defer { free(text) }
    return String(cString: text)
  }
}

/// A connection to the service manager, for as long as this value lives.
private final class Bus {
  enum Interface: String {
    case unit = "org.freedesktop.systemd1.Unit"
    case service = "org.freedesktop.systemd1.Service"
  }

  private var bus: OpaquePointer?
  private(set) var lastResult: Int32 = 0

  init(user: Bool, patience: Duration) throws(SystemdError) {
    let microseconds =
      patience.components.seconds * 1_000_000
      + patience.components.attoseconds / 1_000_000_000_000
    // The manager's private socket needs no bus daemon, which may be down, or not up yet; only root
    // and a user's own manager let us in there.
    if user, let runtime = getenv("XDG_RUNTIME_DIR") {
      bus = Self.direct("\(String(cString: runtime))/systemd/private")
    } else if !user, geteuid() == 0 {
      bus = Self.direct("/run/systemd/private")
    }
    if bus == nil {
      lastResult = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus)
      guard lastResult >= 0 else { throw SystemdError("the D-Bus of systemd", lastResult) }
    }
    sd_bus_set_method_call_timeout(bus, UInt64(microseconds))
  }

  deinit {
    sd_bus_close(bus)
    sd_bus_unref(bus)
  }

  private static func direct(_ path: String) -> OpaquePointer? {
    var bus: OpaquePointer?
    guard sd_bus_new(&bus) >= 0 else { return nil }
    if sd_bus_set_address(bus, "unix:path=\(path)") >= 0, sd_bus_start(bus) >= 0 { return bus }
    sd_bus_unref(bus)
    return nil
  }

  func string(_ member: String, of interface: Interface, _ path: String) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    lastResult = sd_bus_get_property_string(
      bus, "org.freedesktop.systemd1", path, interface.rawValue, member, nil, &text)
    guard lastResult >= 0, let text else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  /// - Parameter type: as D-Bus names it: i, u, or t for 64 bits; a negative i has its bits here.
  func number(
    _ member: String, of interface: Interface, _ path: String, type: Unicode.Scalar
  ) -> UInt64? {
    // Of the narrower ones the lower half is written.
    var number: UInt64 = 0
    let result = sd_bus_get_property_trivial(
      bus, "org.freedesktop.systemd1", path, interface.rawValue, member, nil,
      CChar(UInt8(ascii: type)), &number)
    return result >= 0 ? UInt64(littleEndian: number) : nil
  }
}
