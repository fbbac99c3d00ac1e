import Glibc
import Testing

@testable import Launch

/// A stop signal that is sent while the program is stopped, and SIGCONT behind it.
@Suite struct StoppedProcessTests {
  /// Runs a Python program until it says that it is up, stops it, signals it, lets it go on, and
  /// collects what else it says.
  private func stop(
    _ program: String, _ send: (ProcessID) throws -> Void = { try $0.sendThoughStopped(.terminate) }
  ) throws -> String {
    var request = try Harness.request("python3", "-c", program)
    let pipe = try OutputPipe()
    request.standardOutput = .descriptor(pipe.writeEnd)
    let process = try launch(request)
    try pipe.writeEnd.close()
    defer {
      try? process.send(.kill)
      _ = try? Harness.reap(process)
      try? pipe.readEnd.close()
    }
    _ = try Harness.read(pipe.readEnd, enough: 3)
    try process.send(.stop)
    var status: CInt = 0
    try #require(waitpid(process.rawValue, &status, WUNTRACED) == process.rawValue)
    try send(process)
    try process.send(.continue)
    var waiting = pollfd(fd: pipe.readEnd.rawValue, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, 2000) > 0 else { return "nothing" }
    return String(decoding: try Harness.read(pipe.readEnd), as: UTF8.self)
  }

  private let manyThreads = """
    import os, signal, threading, time
    pipe = os.pipe()
    for _ in range(30): threading.Thread(target=os.read, args=(pipe[0], 1), daemon=True).start()

    """

  @Test("a program whose first thread alone acts on signals hears it, each time")
  func firstThread() throws {
    let program =
      manyThreads + """
        def stop(*_):
          os.write(1, b"stopped")
          os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        os.write(1, b"up\\n")
        while True: signal.pause()
        """
    for _ in 0..<5 { #expect(try stop(program) == "stopped") }
  }

  @Test("a program that waits for it in another thread gets it there")
  func otherThread() throws {
    let program =
      "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
      + manyThreads + """
        def wait():
          signal.sigwait([signal.SIGTERM])
          os.write(1, b"stopped")
          os._exit(0)
        threading.Thread(target=wait).start()
        os.write(1, b"up\\n")
        time.sleep(100)
        """
    for _ in 0..<2 { #expect(try stop(program) == "stopped") }
  }

  @Test("one that runs, or has no handler, is signalled as ever")
  func plain() throws {
    #expect(try stop("print('up', flush=True); import time; time.sleep(100)") == "")
    let program =
      "import signal; signal.signal(15, lambda *_: exit(print('stopped'))); "
      + "print('up', flush=True); signal.pause()"
    let words = try stop(program) {
      try $0.send(.continue)
      try $0.sendThoughStopped(.terminate)
    }
    #expect(words == "stopped\n")
  }
}
