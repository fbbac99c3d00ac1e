// Passive checks: nothing is asked, and lateness is the failure. A report is a pass; a report that has
// not come within the check's interval is a failure, and one more after each third of the interval, as
// long as it stays away (rule 4: after a failure the next look comes after a third of the interval). A
// component that reports VOUCH_FAILED fails at once, WATCHDOG=trigger completes the run of `fall`.

/// What the child has told of itself, since it was started.
struct ChildReports: Hashable, Sendable {
  var program = ProgramState.starting
  /// Its STATUS; empty where it told none.
  var text = ""
  /// When a STATUS that differs by no more than what the child said is to be told.
  var tellAt: Moment?
  /// Up to when systemd was asked to wait on the child's behalf.
  var extendedTo: Moment?
}

extension Supervision {
  mutating func reported(_ message: NotifyMessage, at now: Moment) {
    relayExtension(of: message, at: now)
    if let component = message.component {
      reported(message, by: component, at: now)
    } else {
      reportedByProgram(message, at: now)
    }
  }

  private mutating func reported(
    _ message: NotifyMessage, by component: String, at now: Moment
  ) {
    let detail = message.status.flatMap { $0.isEmpty ? nil : $0 } ?? "reported"
    for id in policy.checks.indices where policy.checks[id].reporter == .component(component) {
      if let reason = message.failed {
        // A reason may be left out.
        reportedFailure(id, reason.isEmpty ? "reported a failure" : reason, at: now)
      } else if message.watchdog == .trigger {
        reportedFailure(id, "WATCHDOG=trigger", times: policy.checks[id].fall, at: now)
      } else if message.watchdog == .alive || message.ready {
        reportedAlive(id, detail, at: now)
      }
    }
  }

  /// The program's own protocol, in the order in which systemd reads a datagram (STOPPING, READY,
  /// RELOADING; service_notify_message in its src/core/service.c).
  private mutating func reportedByProgram(_ message: NotifyMessage, at now: Moment) {
    if let text = message.status { reports.text = text }
    if phase.probes {
      if message.stopping { return childStops(at: now) }
      if message.ready {
        reports.program = .ready
      } else if message.reloading {
        reports.program = .reloading
        childReloads(at: now)
      }
      for id in policy.checks.indices {
        guard case .program(let isKeptAlive) = policy.checks[id].reporter else { continue }
        if message.watchdog == .trigger {
          reportedFailure(id, "WATCHDOG=trigger", times: policy.checks[id].fall, at: now)
        } else if message.ready {
          // It is said once only: no run of passes could be asked for.
          reportedAlive(id, "ready", times: policy.checks[id].rise, at: now)
        } else if message.watchdog == .alive, isKeptAlive, reports.program != .starting {
          reportedAlive(id, "ready", at: now)
        }
      }
    }
    tellSoon(at: now)
  }

  private mutating func reportedAlive(
    _ id: CheckID, _ detail: String, times: Int = 1, at now: Moment
  ) {
    guard phase.probes else { return }
    let check = policy.checks[id]
    if records[id].trouble != nil { log(.info, "\(check.name): can be checked again") }
    let isNews = !records[id].says(detail)
    records[id].pass(detail, took: .zero, times: times, at: now)
    records[id].awaited = now
    records[id].due = now + check.interval
    logRecovery(id, risen: records[id].passes >= check.rise)
    // What is told with these tells STATUS too.
    if !readyIfGatesPass(at: now), !healWhenPassing(at: now), !feed(for: id, at: now), isNews {
      tellSoon(at: now)
    }
  }

  private mutating func reportedFailure(
    _ id: CheckID, _ reason: String, times: Int = 1, at now: Moment
  ) {
    guard phase.probes else { return }
    records[id].awaited = now
    failed(id, reason, times: times, again: now + retryInterval(id), at: now)
  }

  /// Notices reports that have not come in time.
  mutating func noticeLateReports(at now: Moment) {
    for id in records.indices where policy.checks[id].reporter != nil {
      // What is done about one may end the child that the others belong to.
      guard phase.probes else { return }
      if policy.checks[id].hasSchedule, records[id].due <= now { reportIsLate(id, at: now) }
    }
  }

  private mutating func reportIsLate(_ id: CheckID, at now: Moment) {
    let check = policy.checks[id]
    // The first report is awaited from here on.
    guard records[id].awaited != nil else {
      records[id].awaited = now
      records[id].due = now + check.interval
      return
    }
    // Rule 2: what has never passed does not fail while READY=1 is awaited.
    if phase.judgingSince != nil, records[id].last == .none {
      records[id].due = now + check.interval
      return
    }
    // Rule 7: whoever notices this late was kept from running, and so, most likely, was the reporter:
    // it has its interval anew. But once only, where the time lost is short: else a busy machine would
    // hide a component that hangs.
    let late = now - records[id].due
    if late > Self.starvationAllowed, late >= check.interval || records[id].lost == .zero {
      starved(id, late, "no report", at: now)
      records[id].due = now + check.interval
      return
    }
    // A component that said that it fails fails until it says otherwise.
    let reason =
      if case .failed(let earlier) = records[id].last { earlier } else {
        "no report within \(check.interval.brief)"
      }
    failed(id, reason, again: now + retryInterval(id), at: now)
  }

  /// A reload asks everything anew, but a program that says READY=1 once and no more: it is ready until
  /// it says RELOADING=1.
  mutating func beginChecksAnew(at now: Moment) {
    for id in records.indices {
      let isReadyForGood =
        policy.checks[id].reporter == .program(keptAlive: false) && reports.program == .ready
      if !isReadyForGood { records[id].beginAnew(at: now) }
    }
  }

  /// Whether a check that passes is also ready, in what it says of itself.
  func isSaidReady(_ id: CheckID) -> Bool {
    policy.checks[id].reporter?.isProgram != true || reports.program == .ready
  }

  /// Tells STATUS, but what the child says in quick succession only once in `statusEvery`: systemd is
  /// not to be flooded through vouch.
  private mutating func tellSoon(at now: Moment) {
    guard let sent = statusSent, now - sent.at < Self.statusEvery else {
      return tellStatus(at: now)
    }
    if sent.text != statusText { reports.tellAt = sent.at + Self.statusEvery }
  }

  mutating func tellWhatChildSaid(at now: Moment) {
    guard let due = reports.tellAt, due <= now else { return }
    reports.tellAt = nil
    tellStatus(at: now)
  }
}
