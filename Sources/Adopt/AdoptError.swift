import CAdopt
import Glibc

/// Why sockets cannot be adopted.
public enum AdoptError: Error, Hashable, Sendable {
  /// There is no socket to adopt.
  case noSocket
  /// The options are wrong: one line.
  case usage(String)
  /// vouch is short of descriptors, threads or memory: an errno.
  case short(CInt)
  /// The filter could not be installed: the step (`cadopt_step`), and an errno.
  case install(UInt32, CInt)
  /// The self-test found that it does not work here: why, and what to do.
  case impossible(String)

  /// Whether it may go well later.
  public var isShortage: Bool {
    if case .short = self { true } else { false }
  }
}

extension AdoptError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSocket:
      "--pass adopt: there is no socket to adopt: start the .socket unit, or give --listen"
    case .usage(let message): message
    case .short(let error):
      "--pass adopt: cannot supervise the child's sockets: \(errnoText(error))"
    case .install(let step, let error):
      "--pass adopt: \(SelfTestReason.install(step: cadopt_step(rawValue: step), error: error))"
    case .impossible(let reason): "--pass adopt: \(reason)"
    }
  }
}
