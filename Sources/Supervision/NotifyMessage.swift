/// One datagram of the notification protocol, as the child or one of its components sent it: what
/// sd_notify(3) lists, and vouch's own VOUCH_ variables.
///
/// Lines that are unknown, empty, or without "=" are passed over, as sd_notify(3) asks; of a variable
/// that stands there twice the first counts, as in systemd (strv_find_startswith in its
/// src/core/service.c).
public struct NotifyMessage: Hashable, Sendable {
  public enum Watchdog: Hashable, Sendable {
    /// WATCHDOG=1
    case alive
    /// WATCHDOG=trigger
    case trigger
  }

  /// Why a datagram is no message.
  public enum Malformed: Error, Hashable, CustomStringConvertible {
    /// More than `sizeLimit` bytes, or cut by the kernel.
    case tooLong
    /// A NUL that is not the last byte.
    case holdsNUL

    public var description: String {
      switch self {
      case .tooLong: "it is longer than \(NotifyMessage.sizeLimit) bytes"
      case .holdsNUL: "it holds a NUL byte"
      }
    }
  }

  /// The most bytes of a datagram (NOTIFY_BUFFER_MAX in systemd's src/core/manager.c).
  public static let sizeLimit = 4096
  /// The most bytes of a text that is shown: STATUS and VOUCH_FAILED are cut there.
  public static let textLimit = 512
  /// The most descriptors of a datagram (NOTIFY_FD_MAX in systemd's src/core/manager.c, which is the
  /// most that fdstore takes at once too).
  public static let descriptorLimit = 253

  /// VOUCH_COMPONENT=: which component speaks; nil for the program itself. A name that can be no
  /// component's is kept, to be complained of.
  public var component: String?
  /// VOUCH_FAILED=: the component's reason, one line.
  public var failed: String?
  public var ready = false
  public var reloading = false
  public var stopping = false
  public var watchdog: Watchdog?
  /// STATUS=, one line; empty where the sender took it back.
  public var status: String?
  /// EXTEND_TIMEOUT_USEC=: this long from now. Above zero.
  public var extendTimeout: Duration?
  /// BARRIER=1: the sender waits for its descriptor to be closed.
  public var barrier = false
  /// VOUCH_REPLY=1: the sender waits for an answer on its descriptor.
  public var wantsReply = false
  /// FDSTORE=1: the descriptors that came along are for systemd's store.
  public var storesDescriptors = false
  /// The lines that go to systemd as they are, whatever state the service is in: FDSTORE and its kin,
  /// ERRNO, BUSERROR, VARLINKERROR.
  public var passedOn: [String] = []
  /// The variables that were understood and are of no effect here, for the log: MAINPID (vouch stays
  /// the main process), NOTIFYACCESS, WATCHDOG_USEC, and values that are none.
  public var ignored: [String] = []

  public init() {}

  /// Reads a datagram, whatever is in it.
  public init(parsing datagram: some Collection<UInt8>) throws(Malformed) {
    guard datagram.count <= Self.sizeLimit else { throw .tooLong }
    var bytes = Array(datagram)
    // Some senders count the NUL that ends their string.
    if bytes.last == 0 { bytes.removeLast() }
    guard !bytes.contains(0) else { throw .holdsNUL }
    var seen: Set<String> = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")),
        let key = String(validating: line[..<equals], as: UTF8.self), seen.insert(key).inserted
      else { continue }
      take(key, line[line.index(after: equals)...])
    }
    // Names and removals make no sense without one of these (sd_notify(3)).
    if !storesDescriptors, !passedOn.contains("FDSTOREREMOVE=1") {
      passedOn.removeAll { $0.hasPrefix("FDNAME=") || $0.hasPrefix("FDPOLL=") }
    }
  }

  private mutating func take(_ key: String, _ bytes: ArraySlice<UInt8>) {
    // STATUS and the rest must be UTF-8 (sd_notify(3)): what is not is no value.
    guard let value = String(validating: bytes, as: UTF8.self) else {
      if Self.known.contains(key) { ignored.append("\(key) (not UTF-8)") }
      return
    }
    var fits = true
    switch key {
    case "VOUCH_COMPONENT": component = Self.line(value)
    case "VOUCH_FAILED": failed = Self.line(value)
    case "VOUCH_REPLY": wantsReply = value == "1"
    case "READY": ready = value == "1"
    case "RELOADING": reloading = value == "1"
    case "STOPPING": stopping = value == "1"
    case "STATUS": status = Self.line(value)
    case "BARRIER": barrier = value == "1"
    case "WATCHDOG":
      switch value {
      case "1": watchdog = .alive
      case "trigger": watchdog = .trigger
      default: fits = false
      }
    case "EXTEND_TIMEOUT_USEC":
      extendTimeout = Self.microseconds(value)
      fits = extendTimeout != nil
    case "FDSTORE":
      storesDescriptors = value == "1"
      if storesDescriptors { passedOn.append("FDSTORE=1") }
    case "FDSTOREREMOVE": if value == "1" { passedOn.append("FDSTOREREMOVE=1") }
    case "FDPOLL":
      fits = value == "0"
      if fits { passedOn.append("FDPOLL=0") }
    case "FDNAME":
      fits = Self.isDescriptorName(value)
      if fits { passedOn.append("FDNAME=\(value)") }
    case "ERRNO":
      fits = Int32(value).map { $0 >= 0 } ?? false
      if fits { passedOn.append("ERRNO=\(value)") }
    case "BUSERROR", "VARLINKERROR":
      fits = Self.isErrorName(value)
      if fits { passedOn.append("\(key)=\(value)") }
    case "MAINPID", "NOTIFYACCESS", "WATCHDOG_USEC", "MAINPIDFDID", "EXIT_STATUS": fits = false
    default: break
    }
    if !fits { ignored.append("\(key)=\(Self.line(value))") }
  }

  private static let known: Set<String> = [
    "VOUCH_COMPONENT", "VOUCH_FAILED", "STATUS", "WATCHDOG", "EXTEND_TIMEOUT_USEC", "FDNAME",
    "ERRNO", "BUSERROR", "VARLINKERROR",
  ]

  /// One line of at most `textLimit` bytes, blanks at its ends left out.
  private static func line(_ text: String) -> String {
    var line = Supervision.oneLine(text)[...]
    while line.first == " " { line.removeFirst() }
    while line.utf8.count > textLimit { line.removeLast() }
    while line.last == " " { line.removeLast() }
    return String(line)
  }

  /// In digits, above zero. More than an Int64 holds is "infinity", which systemd refuses too.
  private static func microseconds(_ text: String) -> Duration? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text), number > 0
    else { return nil }
    return .microseconds(number)
  }

  /// fdname_is_valid() of systemd's src/basic/fd-util.c.
  private static func isDescriptorName(_ text: String) -> Bool {
    text.utf8.count <= 255 && text.utf8.allSatisfy { (0x20..<0x7f).contains($0) && $0 != 0x3a }
  }

  /// Letters, digits, dots and underscores, as D-Bus and Varlink name errors.
  private static func isErrorName(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || $0 == "." || $0 == "_" || ("0"..."9" ~= $0))
      }
  }
}
