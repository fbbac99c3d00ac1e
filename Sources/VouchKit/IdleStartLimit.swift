import Checks
import Supervision
import Systemd

/// How often systemd lets a service start (StartLimitBurst=, StartLimitIntervalSec= of systemd.unit(5)).
/// A start more, and it fails not only the service but the socket that wanted it, which is closed then:
/// every client is refused until somebody starts the socket by hand.
struct IdleStartLimit: Hashable {
  var burst: Int
  var interval: Duration

  /// StartLimitIntervalSec=infinity.
  private static let endless = Duration.microseconds(Int64.max)

  /// systemd's defaults.
  static let standard = IdleStartLimit(burst: 5, interval: .seconds(10))

  /// What the unit says, or systemd's defaults; nil where starts are not limited.
  init?(_ unit: OwnUnit) {
    burst = unit.startLimitBurst ?? Self.standard.burst
    if let microseconds = unit.startLimitMicroseconds {
      interval = .microseconds(Int64(clamping: microseconds))
    } else if let text = unit.startLimitText {
      // systemd, too, takes the default for what it cannot read.
      interval =
        text == "infinity"
        ? Self.endless : (try? DurationText.parse(text)) ?? Self.standard.interval
    } else {
      interval = Self.standard.interval
    }
    guard burst > 0, interval > .zero else { return nil }
  }

  private init(burst: Int, interval: Duration) {
    self.burst = burst
    self.interval = interval
  }

  /// How long vouch is to stay up, so that clients that come one by one cannot reach the limit: as many
  /// lives as starts are allowed, or one less, take longer than the interval, since each begins after its
  /// start. The one less is for a restart by hand or after a crash, which systemd counts, too.
  var shortest: Duration { interval / max(burst - 1, 1) }

  func notice(for limit: Duration) -> String? {
    guard limit < shortest else { return nil }
    if interval == Self.endless {
      return
        "--exit-idle \(limit.brief) has no effect: with StartLimitIntervalSec=infinity systemd gives up "
        + "the service, and its socket, at its start number \(burst + 1)"
    }
    return
      "--exit-idle \(limit.brief): the service stays up for at least \(shortest.brief), since systemd "
      + "gives it up, and its socket, at more than \(burst) starts in \(interval.brief): "
      + "StartLimitIntervalSec=0 lifts that"
  }
}
