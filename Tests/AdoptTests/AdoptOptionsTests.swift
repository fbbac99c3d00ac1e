import CAdopt
import Glibc
import Testing

@testable import Adopt

@Suite("--pass adopt") struct AdoptOptionsTests {
  @Test("the words behind it")
  func words() throws {
    var options = AdoptOptions()
    #expect(try AdoptOptions.parse("adopt") == options)
    options.allowsIOUring = false
    #expect(try AdoptOptions.parse("adopt io-uring=no") == options)
    options.allowsWider = true
    #expect(try AdoptOptions.parse("adopt  wider=yes io-uring=no ") == options)
    for other in ["systemd", "adopted", "", "argv", "env:X=adopt"] {
      #expect(try AdoptOptions.parse(other) == nil)
    }
  }

  @Test(
    "what is wrong is one line with what would be right",
    arguments: ["adopt x", "adopt wider", "adopt wider=", "adopt wider=1", "adopt io_uring=no"])
  func wrong(text: String) {
    let error = #expect(throws: AdoptError.self) { try AdoptOptions.parse(text) }
    let line = error.map(\.description) ?? ""
    #expect(line.hasPrefix("--pass adopt: ") && line.contains("=yes") && !line.contains("\n"))
  }

  @Test("why a self-test failed, in one line with a remedy")
  func reasons() {
    func reason(status: CInt = 1 << 8, _ change: (inout SelfTestProgress) -> Void) -> String {
      var progress = SelfTestProgress()
      change(&progress)
      return SelfTestReason.of(progress, status: status)
    }
    typealias Step = SelfTestProgress.Step
    let remedy = "SystemCallFilter=@system-service seccomp pidfd_getfd"
    // The filter's own call is refused, or deadly.
    for error in [EPERM, EACCES] {
      let text = reason {
        $0.binder = Step.installing.rawValue
        $0.installStep = CADOPT_STEP_FILTER.rawValue
        $0.error = error
      }
      #expect(text.contains("seccomp") && text.contains(remedy))
    }
    #expect(
      reason {
        $0.binder = Step.installing.rawValue
        $0.installStep = CADOPT_STEP_FILTER.rawValue
        $0.binderStatus = SIGSYS
      }.contains(remedy))
    // The supervising side's.
    let killed = reason(status: SIGSYS) {
      $0.binder = Step.binding.rawValue
      $0.step = Step.copyingDescriptor.rawValue
    }
    #expect(killed.contains("pidfd_getfd") && killed.contains(remedy))
    let denied = reason {
      $0.binder = Step.binding.rawValue
      $0.step = Step.copyingDescriptor.rawValue
      $0.error = EPERM
    }
    #expect(denied.contains("ptrace_scope") && denied.contains(remedy))
    // The kernel.
    for error in [ENOSYS, EINVAL] {
      let text = reason {
        $0.binder = Step.installing.rawValue
        $0.installStep = CADOPT_STEP_FILTER.rawValue
        $0.error = error
      }
      #expect(text.contains("Linux 5.9"))
    }
    // Another supervisor.
    let busy = reason {
      $0.binder = Step.installing.rawValue
      $0.installStep = CADOPT_STEP_FILTER.rawValue
      $0.error = EBUSY
    }
    #expect(busy.contains("another supervisor"))
    // A family that the unit forbids.
    let family = reason {
      $0.binder = Step.opening.rawValue
      $0.family = AF_INET6
      $0.error = EAFNOSUPPORT
    }
    #expect(family.contains("AF_INET6") && family.contains("RestrictAddressFamilies="))
    // What nobody has thought of is no secret either.
    #expect(!reason { $0.binder = Step.binding.rawValue }.isEmpty)
  }
}
