import Glibc

/// Why the addresses tried so far did not connect, and what that says once none is left.
struct ConnectFailures {
  private var answer: String? = nil
  private var unreachable: String? = nil
  private var ownTrouble: String? = nil

  /// Takes in a failure that is a verdict by itself.
  mutating func add(_ reason: String) {
    answer = answer ?? reason
  }

  /// Takes in the errno of connect(2) or socket(2).
  ///
  /// - Returns: whether it is of use to try another address.
  mutating func add(_ code: CInt, at address: PeerAddress) -> Bool {
    switch (code, address) {
    case (ECONNREFUSED, _):
      add("connect refused")
    case (EAGAIN, .unix):
      add("listen queue full (phase connect)")
    // Without a way there, and with one refused over the other protocol, the refusal says more.
    case (EAFNOSUPPORT, _), (ENETUNREACH, _), (EHOSTUNREACH, _):
      unreachable = unreachable ?? "\(words(for: code)) (phase connect)"
    // Where IPv6 is switched off, this is what ::1 gives: a refusal at 127.0.0.1 still counts.
    case (EADDRNOTAVAIL, _):
      ownTrouble = ownTrouble ?? "\(words(for: code)) (phase connect)"
    case _ where isOwnTrouble(code) || code == EAGAIN:
      self = ConnectFailures(ownTrouble: "\(words(for: code)) (phase connect)")
      return false
    default:
      add("\(words(for: code)) (phase connect)")
    }
    return true
  }

  var verdict: ProbeResult {
    if let reason = answer ?? unreachable { return .failed(reason) }
    return .inconclusive(ownTrouble ?? "no address to connect to")
  }
}
