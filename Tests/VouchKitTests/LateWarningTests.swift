import Supervision
import Systemd
import Testing

@testable import VouchKit

@Suite("What works against an option and is known late") struct LateWarningTests {
  private func warning(_ signal: NamedSignal?, killMode: String?, killSignal: Int32? = 15)
    -> String?
  {
    var unit = OwnUnit(name: "a.service")
    unit.killMode = killMode
    return LateWarning.stopSignal(signal, unit, killSignal: killSignal)?.text
  }

  @Test("--stop-signal where systemd signals the child itself, with another signal")
  func stopSignal() {
    let quit = NamedSignal(number: 3, name: "SIGQUIT")
    #expect(warning(quit, killMode: "control-group")?.hasPrefix("--stop-signal SIGQUIT") == true)
    #expect(warning(quit, killMode: "control-group", killSignal: nil) != nil)
    #expect(warning(quit, killMode: "control-group", killSignal: quit.number) == nil)
    #expect(warning(nil, killMode: "control-group") == nil)
    #expect(warning(quit, killMode: "mixed") == nil)
    #expect(warning(quit, killMode: nil) == nil)
    #expect(LateWarning.stopSignal(quit, nil, killSignal: 15) == nil)
  }

  @Test("a replacement that could not be judged")
  func replacing() {
    #expect(LateWarning.replacing(nil) == nil)
    #expect(LateWarning.replacing("of a reason")?.text.hasSuffix("since of a reason") == true)
  }
}
