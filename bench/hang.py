"""From the stop of the child (SIGSTOP) to the arrival of WATCHDOG=trigger."""

import os
import random
import signal
import time

from notify import NotifySocket
from service import Service
from table import Row, spread, verdict

INTERVAL, TIMEOUT, FALL = 300, 200, 3  # ms, ms, times
BUDGET = INTERVAL + FALL * TIMEOUT + (FALL - 1) * INTERVAL / 3 + 50  # ms


def delay(bench):
    options = [
        "--http", ":{port}/", "--on-unhealthy", "trigger", f"--interval={INTERVAL}ms",
        f"--timeout={TIMEOUT}ms", f"--fall={FALL}"]
    with NotifySocket(bench) as notify, Service(bench, options, notify=notify) as service:
        service.wait_for_answers(2)
        # Anywhere between two probes.
        time.sleep(random.uniform(0, INTERVAL / 1000))
        stopped = time.time_ns()
        os.kill(service.board.server, signal.SIGSTOP)
        try:
            return (notify.arrival("WATCHDOG=trigger") - stopped) / 1e6
        finally:
            os.kill(service.board.server, signal.SIGCONT)


def measure(bench):
    delays = [delay(bench) for _ in range(bench.times(10, 3))]
    return [Row(
        "hang to WATCHDOG=trigger, longest", f"<= {BUDGET:.0f} ms",
        f"{max(delays):.0f} ms; {spread(delays, 'ms', 0)}", verdict(max(delays), BUDGET),
        f"SIGSTOP, {len(delays)} times; interval {INTERVAL} ms, timeout {TIMEOUT} ms, fall {FALL}; "
        "budget interval + fall x timeout + (fall - 1) x interval/3 + 50 ms")]
