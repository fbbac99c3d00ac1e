import CLaunch
import SystemPackage

/// Starts a program, and returns once it is running (its execve(2) has succeeded).
///
/// No shell is involved: a file that the kernel does not know how to run is an error.
///
/// - Returns: the child, which the caller must reap: see ``Reaper``.
/// - Throws: why the program could not be started, descriptors or processes running out included.
///   No process is left behind then.
public func launch(_ request: LaunchRequest) throws(LaunchError) -> ProcessID {
  let strings = request.paths + request.arguments + request.environment.entries
  guard !request.paths.isEmpty, !request.arguments.isEmpty, !strings.contains(where: hasNUL) else {
    throw LaunchError(step: .request, error: .invalidArgument)
  }
  let null: FileDescriptor?
  do {
    null = request.usesNull ? try openDevNull(closeOnExec: true) : nil
  } catch {
    throw LaunchError(step: .preparing, error: error)
  }
  defer { try? null?.close() }
  return try spawn(request, null: null).get()
}

private func hasNUL(_ bytes: [UInt8]) -> Bool { bytes.contains(0) }

private func spawn(
  _ request: LaunchRequest, null: FileDescriptor?
) -> Result<ProcessID, LaunchError> {
  CStringArray(request.paths).withPointers { paths in
    CStringArray(request.arguments).withPointers { arguments in
      request.environment.withBlock { entries, pidSlot in
        request.descriptors.map(\.rawValue).withUnsafeBufferPointer { descriptors in
          var raw = claunch_request()
          raw.paths = UnsafePointer(paths)
          raw.argv = UnsafePointer(arguments)
          raw.envp = UnsafePointer(entries)
          raw.pid_slot = pidSlot
          raw.descriptors = descriptors.baseAddress
          raw.descriptor_count = UInt32(descriptors.count)
          raw.standard = (
            request.standardInput.number(null: null), request.standardOutput.number(null: null),
            request.standardError.number(null: null)
          )
          (raw.session, raw.terminal) = request.session.raw
          raw.prepare = request.preparation?.run
          raw.prepare_argument = request.preparation?.argument
          raw.die_with_parent = request.dieWithParent
          raw.signals = request.signals.raw

          var pid: pid_t = 0
          var failure = claunch_failure()
          guard claunch_spawn(&raw, &pid, &failure) == 0 else {
            return .failure(LaunchError(failure, paths: request.paths))
          }
          return .success(ProcessID(rawValue: pid))
        }
      }
    }
  }
}

extension LaunchRequest {
  fileprivate var usesNull: Bool {
    [standardInput, standardOutput, standardError].contains(.null)
  }
}

extension LaunchRequest.StandardStream {
  /// The descriptor to copy, or -1 for the parent's own.
  fileprivate func number(null: FileDescriptor?) -> CInt {
    switch self {
    case .inherited: -1
    case .null: null?.rawValue ?? -1
    case .descriptor(let descriptor): descriptor.rawValue
    }
  }
}

extension LaunchRequest.Session {
  fileprivate var raw: (claunch_session, terminal: CInt) {
    switch self {
    case .inherited: (CLAUNCH_SESSION_KEEP, -1)
    case .newSession: (CLAUNCH_SESSION_NEW, -1)
    case .newGroup(let terminal): (CLAUNCH_SESSION_GROUP, terminal?.rawValue ?? -1)
    }
  }
}
