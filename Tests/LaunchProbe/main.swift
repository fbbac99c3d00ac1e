// A small program that the tests of Launch start in order to try what belongs to a whole process:
// signal dispositions, descriptor numbers and limits, reaping every child, and its own end.

import Glibc
import SystemPackage

let words = Array(CommandLine.arguments.dropFirst())

switch words.first {
case "run": runProgram()
case "end": endAsTold(words)
case "orphans": reapOrphans()
case "repeat": repeatLaunches(count: Int(words[1])!)
case "starve": launchWithoutDescriptors(limit: UInt(words[1])!)
case "signals": receiveSignals()
case "notices": receiveNotices()
case "block": blockSignals()
case "gaps": fillGaps()
default: fail("unknown task", code: 64)
}

func fail(_ message: String, code: Int32) -> Never {
  _ = try? FileDescriptor.standardError.writeAll("LaunchProbe: \(message)\n".utf8)
  exit(code)
}

func say(_ line: String) {
  _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
}
