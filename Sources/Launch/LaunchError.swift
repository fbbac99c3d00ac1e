import CLaunch
import SystemPackage

/// Why a program could not be started. Nothing is left behind: no process, no descriptor.
public struct LaunchError: Error, Hashable, Sendable {
  /// Where it failed.
  public enum Step: Hashable, Sendable {
    /// The request itself: an argument or a path with a NUL inside.
    case request
    /// Memory or /dev/null for the launch.
    case preparing
    /// The new process (clone(2)).
    case cloning
    /// Tying its life to this process (PR_SET_PDEATHSIG).
    case parentDeath
    /// Its session or process group.
    case session
    /// The caller's own step (``LaunchRequest/preparation``).
    case preparation
    /// Moving descriptors to where the child expects them.
    case descriptors
    /// Closing all others.
    case closing
    /// execve(2) itself.
    case executing
  }

  public var step: Step
  public var error: Errno
  /// With ``Step/executing``: the file.
  public var path: [UInt8]?
  /// With ``Step/executing`` and `ENOENT`: the file is there, so it is the interpreter named in its
  /// first line, or its dynamic linker, that is not (execve(2)).
  public var isInterpreterMissing: Bool

  public init(
    step: Step, error: Errno, path: [UInt8]? = nil, isInterpreterMissing: Bool = false
  ) {
    self.step = step
    self.error = error
    self.path = path
    self.isInterpreterMissing = isInterpreterMissing
  }

  /// 127 if the program is not found, 126 if it cannot be run, 70 (EX_SOFTWARE of sysexits.h) if
  /// it was not the program's fault.
  public var exitCode: Int32 {
    guard step == .executing else { return 70 }
    let isAbsent = error == .noSuchFileOrDirectory || error == .notDirectory
    return isAbsent && !isInterpreterMissing ? 127 : 126
  }

  /// Whether the machine, or a limit set for this process, ran short of something (descriptors,
  /// memory, processes), so that the same launch may succeed later.
  public var isShortage: Bool {
    switch error {
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .resourceTemporarilyUnavailable:
      true
    default: false
    }
  }
}

extension LaunchError: CustomStringConvertible {
  /// One line, such as "cannot run /opt/x: Exec format error".
  public var description: String {
    let reason = isInterpreterMissing ? "its interpreter is missing" : error.description
    let action =
      switch step {
      case .request: "cannot use the request"
      case .preparing: "cannot prepare the launch"
      case .cloning: "cannot create a process"
      case .parentDeath: "cannot tie the child's life to this process"
      case .session: "cannot give the child its session"
      case .preparation: "cannot prepare the child"
      case .descriptors: "cannot place the child's descriptors"
      case .closing: "cannot close other descriptors in the child"
      case .executing: "cannot run \(String(decoding: path ?? [], as: UTF8.self))"
      }
    return "\(action): \(reason)"
  }
}

extension LaunchError {
  init(_ failure: claunch_failure, paths: [[UInt8]]) {
    let error = Errno(rawValue: failure.error)
    guard failure.step == CLAUNCH_STEP_EXEC else {
      self.init(step: Step(failure.step), error: error)
      return
    }
    let path = paths[Int(failure.path_index)]
    self.init(
      step: .executing, error: error, path: path,
      isInterpreterMissing: error == .noSuchFileOrDirectory && FileKind.of(path).isSuccess)
  }
}

extension LaunchError.Step {
  fileprivate init(_ step: claunch_step) {
    switch step {
    case CLAUNCH_STEP_CLONE: self = .cloning
    case CLAUNCH_STEP_PARENT_DEATH: self = .parentDeath
    case CLAUNCH_STEP_SESSION: self = .session
    case CLAUNCH_STEP_PREPARATION: self = .preparation
    case CLAUNCH_STEP_DESCRIPTORS: self = .descriptors
    case CLAUNCH_STEP_CLOSE: self = .closing
    case CLAUNCH_STEP_EXEC: self = .executing
    default: self = .preparing
    }
  }
}

extension Result {
  fileprivate var isSuccess: Bool {
    if case .success = self { true } else { false }
  }
}
