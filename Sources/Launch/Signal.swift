import CLaunch
import Glibc

/// A signal by its number, 1 to 64 (signal(7)).
public struct Signal: RawRepresentable, Hashable, Sendable {
  /// The number as the kernel counts it.
  public let rawValue: CInt

  /// Nil for a number outside 1...64.
  public init?(rawValue: CInt) {
    guard (1...64).contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  private init(known number: CInt) { rawValue = number }

  public static let hangup = Signal(known: SIGHUP)
  public static let interrupt = Signal(known: SIGINT)
  public static let quit = Signal(known: SIGQUIT)
  public static let abort = Signal(known: SIGABRT)
  public static let kill = Signal(known: SIGKILL)
  public static let user1 = Signal(known: SIGUSR1)
  public static let user2 = Signal(known: SIGUSR2)
  public static let segmentationFault = Signal(known: SIGSEGV)
  public static let brokenPipe = Signal(known: SIGPIPE)
  public static let terminate = Signal(known: SIGTERM)
  public static let child = Signal(known: SIGCHLD)
  public static let `continue` = Signal(known: SIGCONT)
  public static let stop = Signal(known: SIGSTOP)
  public static let terminalStop = Signal(known: SIGTSTP)
  public static let terminalInput = Signal(known: SIGTTIN)
  public static let terminalOutput = Signal(known: SIGTTOU)
  public static let windowChange = Signal(known: SIGWINCH)
  public static let urgent = Signal(known: SIGURG)
  public static let io = Signal(known: SIGIO)
}

extension Signal {
  /// Reads a signal the way kill(1) and systemd.kill(5) name one: `SIGTERM`, `TERM`, `15`,
  /// `SIGRTMIN+3`, `RTMAX-1`, in either case. Nil for anything else.
  public init?(_ text: some StringProtocol) {
    if let number = Signal.decimal(text) {
      self.init(rawValue: number)
      return
    }
    var name = text.uppercased()[...]
    if name.hasPrefix("SIG") { name = name.dropFirst(3) }
    if let number = Signal.numbers[String(name)] {
      self.init(known: number)
    } else if let number = Signal.realTime(name) {
      self.init(known: number)
    } else {
      return nil
    }
  }

  /// Digits alone: `Int32.init` would also take a sign.
  private static func decimal(_ text: some StringProtocol) -> CInt? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return CInt(text)
  }

  private static func realTime(_ name: Substring) -> CInt? {
    let lowest = claunch_sigrtmin()
    let highest = claunch_sigrtmax()
    var number: CInt?
    if name == "RTMIN" { number = lowest }
    if name == "RTMAX" { number = highest }
    if name.hasPrefix("RTMIN+") { number = decimal(name.dropFirst(6)).map { lowest &+ $0 } }
    if name.hasPrefix("RTMAX-") { number = decimal(name.dropFirst(6)).map { highest &- $0 } }
    guard let number, (lowest...highest).contains(number) else { return nil }
    return number
  }

  /// Every name of signal(7), without its `SIG`.
  private static let numbers: [String: CInt] = {
    var numbers = Dictionary(uniqueKeysWithValues: names.map { ($0.name, $0.number) })
    numbers["IOT"] = SIGABRT
    numbers["POLL"] = SIGIO
    numbers["CLD"] = SIGCHLD
    return numbers
  }()

  private static let names: [(number: CInt, name: String)] = [
    (SIGHUP, "HUP"), (SIGINT, "INT"), (SIGQUIT, "QUIT"), (SIGILL, "ILL"), (SIGTRAP, "TRAP"),
    (SIGABRT, "ABRT"), (SIGBUS, "BUS"), (SIGFPE, "FPE"), (SIGKILL, "KILL"), (SIGUSR1, "USR1"),
    (SIGSEGV, "SEGV"), (SIGUSR2, "USR2"), (SIGPIPE, "PIPE"), (SIGALRM, "ALRM"),
    (SIGTERM, "TERM"), (SIGSTKFLT, "STKFLT"), (SIGCHLD, "CHLD"), (SIGCONT, "CONT"),
    (SIGSTOP, "STOP"), (SIGTSTP, "TSTP"), (SIGTTIN, "TTIN"), (SIGTTOU, "TTOU"), (SIGURG, "URG"),
    (SIGXCPU, "XCPU"), (SIGXFSZ, "XFSZ"), (SIGVTALRM, "VTALRM"), (SIGPROF, "PROF"),
    (SIGWINCH, "WINCH"), (SIGIO, "IO"), (SIGPWR, "PWR"), (SIGSYS, "SYS"),
  ]
}

extension Signal: CustomStringConvertible {
  /// `SIGTERM`, `SIGRTMIN+3`, or `signal 32` for the two that glibc keeps for itself.
  public var description: String {
    if let known = Signal.names.first(where: { $0.number == rawValue }) {
      return "SIG" + known.name
    }
    let offset = rawValue - claunch_sigrtmin()
    if offset < 0 { return "signal \(rawValue)" }
    return offset == 0 ? "SIGRTMIN" : "SIGRTMIN+\(offset)"
  }
}
