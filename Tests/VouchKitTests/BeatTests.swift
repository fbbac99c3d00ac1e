import Testing

@testable import VouchKit

@Suite struct BeatTests {
  @Test("the datagram holds one report, whatever the words are")
  func datagram() {
    #expect(
      Beat(component: "worker").datagram == "VOUCH_COMPONENT=worker\nWATCHDOG=1\nVOUCH_REPLY=1")
    #expect(
      Beat(component: "worker", status: "a\nREADY=1\tb").datagram
        == "VOUCH_COMPONENT=worker\nWATCHDOG=1\nSTATUS=a READY=1 b\nVOUCH_REPLY=1")
    #expect(
      Beat(component: "worker", failed: "no disk").datagram
        == "VOUCH_COMPONENT=worker\nVOUCH_FAILED=no disk\nVOUCH_REPLY=1")
    let long = Beat(component: "worker", failed: String(repeating: "🚀", count: 5000))
    #expect(long.datagram.utf8.count < 4096)
  }

  @Test("what cannot be delivered says why, with the status for it")
  func refusals() {
    func refusal(_ beat: Beat, _ socket: String?) -> Refusal? {
      do throws(Refusal) {
        try beat.deliver(to: socket)
        return nil
      } catch {
        return error
      }
    }
    let beat = Beat(component: "worker")
    #expect(refusal(beat, nil)?.message.contains("NOTIFY_SOCKET is not set") == true)
    #expect(refusal(beat, "/run/systemd/notify")?.message.contains("is not vouch's") == true)
    #expect(refusal(beat, "/run/systemd/notify")?.exitCode == 64)
    #expect(refusal(beat, "@vouch-notify/1/0")?.exitCode == 70, "nobody is there")
    #expect(
      refusal(Beat(component: "a b"), nil)?.message.contains("not a component's name") == true)
    #expect(refusal(Beat(component: "notify"), nil)?.exitCode == 64)
    #expect(
      refusal(Beat(component: "a", failed: "x", status: "y"), nil)?.message
        .contains("contradict") == true)
  }

  @Test("an answer is read as it was written, and nothing else is one")
  func replies() {
    for reply in [BeatReply.taken, .usage("no such component"), .failure("not ours")] {
      #expect(BeatReply(line: reply.line) == reply)
    }
    for line in ["", "\n", "okay", "usage", "what is this"] {
      #expect(BeatReply(line: line) == nil)
    }
  }
}
