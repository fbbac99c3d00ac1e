import Glibc
import Launch
import SystemPackage

/// `end exit CODE` and `end signal NUMBER`.
func endAsTold(_ words: [String]) -> Never {
  // A core dump would be told in the status, if one were made.
  var unlimited = rlimit(rlim_cur: .max, rlim_max: .max)  // RLIM_INFINITY
  setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &unlimited)
  let number = Int32(words[2])!
  if words[1] == "exit" { endLike(.exited(number)) }
  // As in vouch, where they are blocked, and SIGPIPE is ignored too.
  _ = SignalState.block()
  signal(SIGPIPE, SIG_IGN)
  endLike(.signaled(Signal(rawValue: number)!, coreDumped: true))
}

/// `orphans`: launches a shell that leaves two children behind, and tells how all three ended, the
/// shell first.
func reapOrphans() {
  let blocked = SignalState.block()
  do {
    try Reaper.becomeSubreaper()
    let inbox = try SignalInbox(signals: blocked)
    let gate = try FileDescriptor.pipe()
    let script = """
      sh -c 'read x <&3; exit 7' & sh -c 'read x <&3; kill -KILL $$' & exit 3
      """
    var request = shell(script)
    request.descriptors = [gate.readEnd]
    let leader = try launch(request)

    var ended: [ExitStatus] = []
    while ended.count < 3 {
      for received in inbox.wait() where received.signal == .child {
        for (process, status) in Reaper.reapAll() {
          ended.append(status)
          // Only now, when both are orphans, may they end.
          if process == leader { try gate.writeEnd.close() }
        }
      }
    }
    say(ended[0].description)
    ended[1...].map(\.description).sorted().forEach(say)
    say(inventory())
  } catch {
    fail("\(error)", code: 70)
  }
}

/// `repeat COUNT`: as many launches that work, and as many that fail at execve.
func repeatLaunches(count: Int) {
  let missing = LaunchRequest(
    paths: [Array("/does/not/exist".utf8)], arguments: [Array("x".utf8)],
    environment: .current, signals: SignalState())
  let signals = SignalState.capture()
  say(inventory())
  for _ in 0..<count {
    do {
      var request = shell("exit 0")
      request.standardInput = .null
      let child = try launch(request)
      var status: CInt = 0
      guard waitpid(child.rawValue, &status, 0) == child.rawValue, status == 0 else {
        fail("a launch went wrong", code: 1)
      }
      _ = try launch(missing)
      fail("a launch that must fail did not", code: 1)
    } catch {
      guard error.error == .noSuchFileOrDirectory else { fail("\(error)", code: 1) }
    }
  }
  say(inventory())
  say("signals as before \(SignalState.capture() == signals)")
}

/// `starve LIMIT`: with so many descriptors allowed, launches a program to which 4, 5, 3 are
/// passed, none of which is in its place.
func launchWithoutDescriptors(limit: UInt) {
  say(inventory())
  var old = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
  var low = rlimit(rlim_cur: limit, rlim_max: old.rlim_max)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low)
  var request = shell("exit 0")
  request.descriptors = [4, 5, 3].map(FileDescriptor.init(rawValue:))
  do {
    let child = try launch(request)
    waitpid(child.rawValue, nil, 0)
    say("launched")
  } catch {
    say("\(error.step) \(error.error.rawValue == EMFILE) \(error.isShortage) \(error.exitCode)")
  }
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
  say(inventory())
}

/// `gaps`: fills what is missing of 0, 1 and 2, and tells by its exit code which number is next.
func fillGaps() -> Never {
  do {
    try StandardStreams.fillGaps()
    exit(try FileDescriptor.open("/dev/null", .readOnly).rawValue)
  } catch {
    exit(100)
  }
}

func shell(_ script: String) -> LaunchRequest {
  LaunchRequest(
    paths: [Array("/bin/sh".utf8)], arguments: ["sh", "-c", script].map { Array($0.utf8) },
    environment: .current, signals: SignalState())
}

/// What this process holds: open descriptors, and whether it has a child, ended or not.
private func inventory() -> String {
  let open = (CInt(0)..<1024).filter { fcntl($0, F_GETFD) >= 0 }
  let hasChild = waitpid(-1, nil, WNOHANG) >= 0
  return "descriptors \(open) children \(hasChild)"
}
