import Glibc
import Launch
import Supervision
import Systemd
import Testing

@testable import VouchKit

@Suite struct SignalReaderTests {
  private func received(
    _ signal: Launch.Signal, from sender: Int32?, _ origin: ReceivedSignal.Origin = .process
  ) -> ReceivedSignal {
    ReceivedSignal(
      signal: signal, origin: origin, sender: sender.map { ProcessID(rawValue: $0) }, uid: 0)
  }

  private func unit(_ killMode: String) -> OwnUnit {
    var unit = OwnUnit(name: "x.service")
    unit.killMode = killMode
    unit.killSignal = SIGWINCH
    return unit
  }

  @Test("under a service, PID 1, the parent and a sender from outside are the manager")
  func managers() {
    var reader = SignalReader(isService: true, sharesTerminal: false)
    reader.unit = unit("control-group")
    for sender in [1, getppid(), nil] {
      #expect(reader.event(for: received(.terminate, from: sender)) == .stop(.terminate, .unknown))
    }
    #expect(
      reader.event(for: received(.terminate, from: 4_000_000)) == .stop(.terminate, .vouchAlone))
  }

  @Test("outside a service every process's signal is forwarded")
  func outside() {
    var reader = SignalReader(isService: false, sharesTerminal: false)
    for sender in [1, getppid(), nil] {
      let event = reader.event(for: received(.terminate, from: sender))
      #expect(event == .stop(.terminate, .vouchAlone))
    }
  }

  @Test("KillMode=mixed needs no question, and KillSignal= is a stop")
  func mixed() {
    var reader = SignalReader(isService: true, sharesTerminal: false)
    reader.unit = unit("mixed")
    let window = NamedSignal(number: SIGWINCH, name: "SIGWINCH")
    #expect(reader.event(for: received(.windowChange, from: 1)) == .stop(window, .vouchAlone))
    #expect(
      reader.event(for: received(.windowChange, from: 99_999)) == .signal(window, .vouchAlone))
  }

  @Test("a signal that vouch was started with ignored stops nothing")
  func ignored() {
    var reader = SignalReader(
      isService: false, sharesTerminal: true, ignored: 1 << UInt64(SIGINT - 1))
    let interrupt = NamedSignal(number: SIGINT, name: "SIGINT")
    #expect(
      reader.event(for: received(.interrupt, from: nil, .kernel)) == .signal(interrupt, .childToo))
  }

  @Test("Ctrl-C on a shared terminal has reached the child too")
  func terminal() {
    var reader = SignalReader(isService: false, sharesTerminal: true)
    let interrupt = NamedSignal(number: SIGINT, name: "SIGINT")
    #expect(
      reader.event(for: received(.interrupt, from: nil, .kernel)) == .stop(interrupt, .childToo))
  }
}
