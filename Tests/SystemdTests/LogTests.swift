import Glibc
import Logging
import Testing

@testable import Systemd

@Suite struct LogTests {
  private func pipePair() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  private func readAll(_ descriptor: Int32) -> String {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
      text += buffer[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  @Test("a pipe that nobody reads never makes vouch wait, and the loss is told afterwards")
  func fullPipe() {
    let (reader, writer) = pipePair()
    defer {
      close(reader)
      close(writer)
    }
    let output = LogOutput(writer)
    for number in 0..<2000 { output.write("line \(number) " + String(repeating: "x", count: 100)) }
    let first = readAll(reader)
    #expect(first.hasPrefix("line 0 "))
    let taken = first.split(separator: "\n").count
    #expect(taken < 2000)
    output.write("after")
    #expect(
      readAll(reader) == "vouch: \(2000 - taken) log lines were lost: nobody read them\nafter\n")
  }

  @Test("nor does a pipe that cannot be opened anew")
  func sharedPipe() {
    let (reader, writer) = pipePair()
    defer {
      close(reader)
      close(writer)
    }
    let output = LogOutput(writer, reopens: false)
    for number in 0..<2000 { output.write("line \(number) " + String(repeating: "x", count: 100)) }
    #expect(readAll(reader).hasPrefix("line 0 "))
  }

  @Test("the child's copy of standard error stays as it is: blocking")
  func flagsStay() {
    let (reader, writer) = pipePair()
    defer {
      close(reader)
      close(writer)
    }
    LogOutput(writer).write("x")
    #expect(fcntl(writer, F_GETFL) & O_NONBLOCK == 0)
  }

  @Test("a socket that nobody reads never makes vouch wait")
  func fullSocket() {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer {
      close(ends[0])
      close(ends[1])
    }
    let output = LogOutput(ends[0])
    for _ in 0..<20_000 { output.write(String(repeating: "x", count: 100)) }
    #expect(readAll(ends[1]).hasPrefix("xxx"))
  }

  @Test("a line for the journal carries its priority, one for a person the program's name")
  func formats() {
    let table: [(Logger.Level, String)] = [
      (.debug, "<7>"), (.info, "<6>"), (.notice, "<5>"), (.warning, "<4>"), (.error, "<3>"),
      (.critical, "<2>"),
    ]
    for (level, prefix) in table {
      for isPrefixed in [true, false] {
        let (reader, writer) = pipePair()
        defer {
          close(reader)
          close(writer)
        }
        let line = LineLog(level: .debug, isPrefixed: isPrefixed, output: LogOutput(writer))
        Logger(label: "test") { _ in line }.log(level: level, "two\nlines")
        #expect(readAll(reader) == (isPrefixed ? prefix : "vouch: ") + "two lines\n")
      }
    }
  }

  @Test("lines below the level are left out")
  func level() {
    let (reader, writer) = pipePair()
    defer {
      close(reader)
      close(writer)
    }
    let line = LineLog(level: .warning, isPrefixed: false, output: LogOutput(writer))
    let log = Logger(label: "test") { _ in line }
    log.info("no")
    log.warning("yes")
    #expect(readAll(reader) == "vouch: yes\n")
  }
}
