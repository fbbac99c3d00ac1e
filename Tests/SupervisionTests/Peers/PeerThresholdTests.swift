import Supervision
import Testing

/// How peers count runs of results, told with vouch's own rules. A row that begins with "differs:" is
/// one where DESIGN.md wants something else, and says what.
@Suite("Peers' thresholds")
struct PeerThresholdTests {
  struct Row: Sendable, CustomTestStringConvertible {
    /// Where the case is from.
    var origin: String
    var rise = 1
    var fall = 3
    /// `p` a pass, `f` a failure, `t` a timeout, `i` the prober's own trouble.
    var results: String
    /// What comes of each: `R` READY=1, `T` WATCHDOG=trigger, `r` told as recovered, `.` nothing.
    var effects: String
    var note = ""
    var testDescription: String { "\(origin): \(results)\(note.isEmpty ? "" : " (\(note))")" }
  }

  static let kubelet = "kubelet pkg/kubelet/prober/worker_test.go"
  static let pebble = "Pebble internals/overlord/checkstate/manager_test.go"
  static let docker = "Docker daemon/health_test.go TestHealthStates"
  static let haproxy =
    "HAProxy doc/configuration.txt rise, fall; src/check.c set_server_check_status"

  static let rows = [
    Row(
      origin: "\(kubelet) TestFailureThreshold", results: "pppfffffpppfffff",
      effects: "R....T..r....T..", note: "the verdict turns at the third failure, each round anew"),
    Row(
      origin: "\(kubelet) TestSuccessThreshold", rise: 3, fall: 1, results: "pppppfpppppfppp",
      effects: "..R..T..r..T..r", note: "one failure turns it, three passes turn it back"),
    Row(
      origin: "\(kubelet) TestSuccessThreshold", rise: 3, fall: 1, results: "ppfpppfppfppp",
      effects: ".....RT.....r",
      note: "differs: before READY=1 no failure is acted on; a rise that breaks off begins anew"),
    Row(
      origin: "\(kubelet) TestHandleCrash", fall: 1, results: "piipi", effects: "R....",
      note: "what ails the prober itself changes no verdict"),
    Row(
      origin: "\(kubelet) TestHandleCrash", results: "pffif", effects: "R...T",
      note: "and does not break off a run either"),
    Row(
      origin: "\(kubelet) TestOnHoldOnLivenessCheckFailure", fall: 1, results: "pffff",
      effects: "RT...",
      note: "differs: probing goes on after the verdict, which is told once; systemd restarts"),
    Row(
      origin: "\(kubelet) TestInitialDelay", results: "ffffffp", effects: "......R",
      note: "differs: no delay is needed, as no failure counts before the first pass"),
    Row(
      origin: "\(pebble) TestFailures", fall: 10, results: "pfffffffffffffpf",
      effects: "R.........T...r.", note: "one action for each crossing of the threshold"),
    Row(
      origin: "\(pebble) TestFailuresBelowThreshold", fall: 10, results: "pfffffffffpfffffffff",
      effects: "R.........r.........", note: "one pass and the count begins anew"),
    Row(
      origin: "\(pebble) TestTimeout", fall: 1, results: "pt", effects: "RT",
      note: "a timeout is a failure"),
    Row(
      origin: "\(pebble) TestChecks", results: "fp", effects: ".R",
      note: "differs: nothing is up before its first check has passed"),
    Row(
      origin: docker, fall: 1, results: "fpf", effects: ".RT",
      note: "differs: the first failure is none yet, where Docker says unhealthy"),
    Row(
      origin: docker, results: "fffp", effects: "...R",
      note: "differs: three failures without a pass: --start-timeout decides, not fall"),
    Row(
      origin: docker, fall: 2, results: "ffpff", effects: "..R.T",
      note: "start period: what fails in it is not counted; the first pass ends it"),
    Row(
      origin: docker, fall: 2, results: "fpfpff", effects: ".R.r.T",
      note: "a pass sets the streak to zero"),
    Row(
      origin: haproxy, rise: 2, fall: 3, results: "ppffpffpfff", effects: ".R........T",
      note: "while up, one pass makes good for two failures"),
    Row(
      origin: haproxy, rise: 2, fall: 3, results: "ppfffpfpp", effects: ".R..T...r",
      note: "while down, one failure begins the rise anew"),
  ]

  @Test("each case", arguments: rows)
  func row(row: Row) {
    var world = World(
      Policy(
        checks: [.plain(fall: row.fall, rise: row.rise)], watchdog: .seconds(30),
        onUnhealthy: .trigger))
    world.start()
    var effects = ""
    for result in row.results {
      while world.probing[0] == nil { world.sleep() }
      let logged = world.logs.count
      switch result {
      case "p": world.send(.probeEnded(0, .passed("200")))
      case "f": world.send(.probeEnded(0, .failed("503, expected 200-399")))
      case "t":
        world.advance(.seconds(5))
        world.send(.probeEnded(0, .timedOut("no answer within 5 s (phase head)")))
      default: world.send(.probeEnded(0, .inconclusive("no descriptors left")))
      }
      if world.sent.contains(where: \.ready) {
        effects += "R"
      } else if world.sent.contains(where: { $0.watchdog == .trigger }) {
        effects += "T"
      } else if world.logs[logged...].contains(where: { $0.hasPrefix("recovered") }) {
        effects += "r"
      } else {
        effects += "."
      }
    }
    #expect(effects == row.effects)
    #expect(world.violations == [])
  }
}
