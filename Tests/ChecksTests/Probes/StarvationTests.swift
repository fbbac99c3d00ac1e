import Foundation
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Checks

@Suite struct StarvationTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  @Test("time that was lost anywhere in a probe is seen at the next pulse")
  func lostInTheMiddle() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    #expect(pulse.next == start + .milliseconds(250))
    pulse.timerCame(setFor: pulse.next, at: start + .milliseconds(251))
    #expect(pulse.lost == .zero, "a timer that is a little late is an ordinary one")
    let due = pulse.next
    pulse.timerCame(setFor: due, at: due + .seconds(3))
    #expect(pulse.lost == .seconds(3))
    #expect(pulse.next == due + .seconds(3) + .milliseconds(250))
  }

  @Test("no time is lost twice: a deadline that is moved into the past says nothing new")
  func lostOnce() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    pulse.timerCame(setFor: start + .milliseconds(100), at: start + .milliseconds(400))
    #expect(pulse.lost == .milliseconds(300))
    pulse.timerCame(setFor: start + .milliseconds(160), at: start + .milliseconds(401))
    #expect(pulse.lost == .milliseconds(300))
  }

  @Test("time in which vouch itself was busy is not lost")
  func busy() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    pulse.timerCame(
      setFor: pulse.next, at: pulse.next + .milliseconds(300), busy: .milliseconds(290))
    #expect(pulse.lost == .zero)
  }

  @Test("a look at delays stays short, however many threads one program has")
  func manyThreads() throws {
    let threads = RunDelay.mostThreads + 200
    let child = try start(
      "exec python3 -c 'import threading,time\nfor _ in range(\(threads)): "
        + "threading.Thread(target=time.sleep,args=(30,),daemon=True).start()\ntime.sleep(30)'")
    defer { end(child) }
    let tasks = "/proc/\(child.processIdentifier)/task"
    for _ in 0..<200 {
      if let count = try? FileManager.default.contentsOfDirectory(atPath: tasks).count,
        count > threads
      {
        break
      }
      usleep(50_000)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: tasks).count > threads)
    #expect(RunDelay.now().threads.count <= RunDelay.mostThreads)
  }

  @Test("a deadline that comes late before the next pulse counts too")
  func lateDeadline() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    let deadline = start + .milliseconds(100)
    pulse.timerCame(setFor: deadline, at: start + .milliseconds(180))
    #expect(pulse.lost == .milliseconds(80))
    #expect(pulse.next == start + .milliseconds(250))
  }

  @Test(
    "pulses are short beside a probe's time",
    arguments: [(5000, 250), (1000, 250), (400, 100), (8, 5)])
  func intervals(limit: Int64, expected: Int64) {
    var pulse = Pulse()
    pulse.begin(limit: .milliseconds(limit), at: start)
    #expect(pulse.next == start + .milliseconds(expected))
  }

  @Test("nothing beats, and nothing is lost, while no probe runs")
  func ended() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    pulse.end()
    #expect(pulse.next == .distantFuture)
    pulse.timerCame(setFor: start, at: start + .seconds(9))
    #expect(pulse.lost == .zero)
  }

  @Test("a short probe that joins makes the pulses quicker, and they slow down after it")
  func joined() {
    var pulse = Pulse()
    pulse.begin(limit: .seconds(5), at: start)
    pulse.begin(limit: .milliseconds(100), at: start + .milliseconds(10))
    #expect(pulse.next == start + .milliseconds(35))
    pulse.end()
    pulse.begin(limit: .seconds(5), at: start + .seconds(1))
    #expect(pulse.next == start + .milliseconds(1250))
  }

  // That a child which others starve is not killed is shown under a real systemd (FalseKillTests).
  typealias Thread = (ran: UInt64, waited: UInt64)
  /// What threads did in a second, in milliseconds, and what was lost.
  static let families: [([Thread], Int64)] = [
    // Starved by others: one thread that waits.
    ([(100, 900)], 900),
    // Two of the family keep each other waiting on one CPU.
    ([(500, 500), (500, 500)], 0),
    // Half of a CPU for one that never sleeps.
    ([(500, 500)], 500),
    // They wait side by side.
    ([(0, 700), (100, 800)], 800),
    ([(0, 0)], 0),
  ]

  @Test(
    "lost is the longest wait of a thread, but no more than nobody of the family had a CPU",
    arguments: families)
  func runDelay(threads: [Thread], expected: Int64) {
    let million: UInt64 = 1_000_000
    var before: [pid_t: Thread] = [:]
    var after: [pid_t: Thread] = [:]
    for (index, thread) in threads.enumerated() {
      before[pid_t(index)] = (7, 9)
      after[pid_t(index)] = (7 + thread.ran * million, 9 + thread.waited * million)
    }
    let then = RunDelay(threads: before, at: start)
    let now = RunDelay(threads: after, at: start + .seconds(1))
    #expect(now.lost(since: then) == .milliseconds(expected))
  }

  @Test(
    "the threads of descendants are found, those of a child's children too, vouch's own are not")
  func family() throws {
    let child = try start("sleep 30 & sleep 30 & wait")
    defer { end(child) }
    var found = RunDelay.now().threads
    // However long the shell takes to start its children.
    for _ in 0..<200 where found[child.processIdentifier] == nil || found.count < 3 {
      usleep(50_000)
      found = RunDelay.now().threads
    }
    #expect(found[child.processIdentifier] != nil)
    #expect(found.count >= 3)
    #expect(found[getpid()] == nil)
  }

  @Test("CPU that vouch used before a probe does not hide what the probe loses")
  func busyBefore() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let lost = try await loop.flatSubmit { () -> EventLoopFuture<TimeAmount> in
      do {
        let deadlines = try Deadlines()
        let kept = NIOLoopBound((deadlines, Unheeding()), eventLoop: loop)
        // Half a second of this thread's CPU, as many quick probes take.
        let end = NIODeadline.now() + .milliseconds(500)
        while NIODeadline.now() < end {}
        let watch = NIOLoopBound(deadlines.beginWatch(limit: .milliseconds(200)), eventLoop: loop)
        deadlines.arm(kept.value.1, at: .now() + .seconds(5), on: loop)
        return loop.scheduleTask(in: .milliseconds(1)) { _ = usleep(400_000) }.futureResult
          .flatMap {
            loop.scheduleTask(in: .milliseconds(20)) {
              defer { kept.value.0.endWatch(watch.value) }
              return kept.value.0.lost(of: watch.value)
            }.futureResult
          }
      } catch {
        return loop.makeFailedFuture(error)
      }
    }.get()
    #expect(lost > .milliseconds(250), "\(lost)")
    try await group.shutdownGracefully()
  }

  private final class Unheeding: Deadlines.Handler {
    func deadlineCame() {}
  }

  private func start(_ line: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/taskset")
    process.arguments = ["-c", "0", "/bin/sh", "-c", line]
    try process.run()
    return process
  }

  private func end(_ process: Process) {
    kill(-process.processIdentifier, SIGKILL)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
