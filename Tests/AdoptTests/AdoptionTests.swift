import CAdopt
import Glibc
import SystemPackage
import Testing

@testable import Adopt
@testable import Launch

@Suite("the filter of one start") struct AdoptionTests {
  private func request(_ start: AdoptionStart) throws -> LaunchRequest {
    var request = LaunchRequest(
      paths: [Array("/bin/sh".utf8)], arguments: ["sh", "-c", "exit 7"].map { Array($0.utf8) },
      environment: .current, signals: SignalState())
    request.preparation = .init(AdoptionStart.install, start.filter)
    return request
  }

  @Test("it is installed without no_new_privs where that is not needed, and waits out signals")
  func limits() throws {
    let passed = try PassedSocket()
    let start = try Harness(passed).adoption.prepare()
    let process = try launch(request(start))
    var status: CInt = 0
    #expect(waitpid(process.rawValue, &status, 0) == process.rawValue && status == 7 << 8)
    #expect(!start.isInterruptible, "Linux 5.19 or newer")
    #expect(start.hasSetNoNewPrivileges == (geteuid() != 0))
    let listener = try start.receive()
    #expect(fcntl(listener, F_GETFD) & FD_CLOEXEC != 0)
    // Nobody is under it any more.
    var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    #expect(poll(&waiting, 1, 5000) == 1 && waiting.revents & Int16(POLLHUP) != 0)
    close(listener)
    #expect(throws: AdoptError.short(EAGAIN)) { try start.receive() }
  }

  @Test("one that cannot be handed on is an error of the launch, and no process is left")
  func failure() throws {
    let passed = try PassedSocket()
    let start = try Harness(passed).adoption.prepare()
    start.filter.assumingMemoryBound(to: cadopt_filter.self).pointee.socket = -1
    let request = try request(start)
    let error = #expect(throws: LaunchError.self) { try launch(request) }
    #expect(error?.step == .preparation && error?.error == .badFileDescriptor)
    #expect(error?.exitCode == 70)
  }

  @Test("what is no bound socket is not adopted, and with none left there is an error")
  func noSockets() throws {
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    let unbound = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer {
      close(null)
      close(unbound)
    }
    #expect(throws: AdoptError.noSocket) { try Adoption([(null, "file"), (unbound, "unbound")]) }
    let passed = try PassedSocket()
    let adoption = try Adoption([(null, "file"), (passed.descriptor, "web")])
    #expect(adoption.names == ["web"])
    #expect(adoption.descriptions == ["web (127.0.0.1:\(passed.port))"])
  }
}
