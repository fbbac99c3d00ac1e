import Checks
import Supervision
import Systemd

/// How often systemd lets a service start (StartLimitBurst=, StartLimitIntervalSec= of systemd.unit(5)).
/// A start more, and it fails not only the service but the socket that wanted it, which is closed then:
/// every client is refused until somebody starts the socket by hand.
struct IdleStartLimit: Hashable {
  var burst: Int
  var interval: Duration

  /// What the unit says, or systemd's defaults; nil where starts are not limited.
  init?(_ unit: OwnUnit) {
    burst = unit.startLimitBurst ?? 5
    if let microseconds = unit.startLimitMicroseconds {
      interval = .microseconds(Int64(clamping: microseconds))
    } else if let text = unit.startLimitText {
      guard let time = try? DurationText.parse(text) else { return nil }
      interval = time
    } else {
      interval = .seconds(10)
    }
    guard burst > 0, interval > .zero else { return nil }
  }

  /// The shortest time of `--exit-idle` with which clients that come one by one cannot reach the limit.
  var shortest: Duration { interval / burst }

  func warning(for limit: Duration) -> String? {
    guard limit < shortest else { return nil }
    return
      "--exit-idle \(limit.brief) allows for more than \(burst) starts in \(interval.brief), at which "
      + "systemd gives up the service and its socket: set StartLimitIntervalSec=0, or at least "
      + "\(shortest.brief)"
  }
}
