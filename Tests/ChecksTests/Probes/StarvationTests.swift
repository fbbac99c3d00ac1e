import Foundation
import Glibc
import NIOCore
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

  // That a child starved by others is seen to be is shown under a real systemd (FalseKillTests).
  @Test("a program whose own threads keep each other waiting is not starved, nor one that sleeps")
  func runDelay() throws {
    // Bounded: all end by themselves.
    let hog = "i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done"
    let processes = [try start(hog), try start(hog), try start("exec sleep 5")]
    defer { for process in processes { end(process) } }
    usleep(50_000)
    let before = RunDelay.now()
    usleep(400_000)
    let lost = RunDelay.now().lost(since: before)
    #expect(lost < .milliseconds(250), "\(lost)")
  }

  private func start(_ line: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/taskset")
    process.arguments = ["-c", "0", "/bin/sh", "-c", line]
    try process.run()
    return process
  }

  private func end(_ process: Process) {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
