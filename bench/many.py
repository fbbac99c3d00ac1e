"""Many checks in one vouch: no second thread, and CPU that grows with the number of probes alone."""

import time

import proc
from notify import NotifySocket
from service import Service
from table import NO_BUDGET, Row, verdict

COUNTS = [1, 10, 100]
GROWTH = 1.5


def cost(bench, count):
    """(microseconds of CPU a probe, threads, checks of a different rate of which each kept its own)"""
    batch = bench.times(3000, 600)
    # The same number of probes a second from each vouch, so that caches are as warm.
    interval = 4 * count
    options = []
    for number in range(count):
        options += ["--http", f":{{port}}/ name=c{number} interval={interval}ms timeout=1s"]
    with NotifySocket(bench) as notify, \
            Service(bench, options, notify=notify, watchdog=10_000_000) as service:
        service.wait_for_answers(200, meanwhile=lambda: notify.drain(0.01))
        answered, cpu = service.board.answered, proc.cpu_time(service.pid)
        began = time.monotonic()
        service.wait_for_answers(answered + batch, meanwhile=lambda: notify.drain(0.02))
        answered = service.board.answered - answered
        rate = answered / (time.monotonic() - began)
        used = (proc.cpu_time(service.pid) - cpu) / answered / 1000
        return used, proc.threads(service.pid), rate


def measure(bench):
    found = {count: [] for count in COUNTS}
    for _ in range(bench.times(3, 2)):
        for count in COUNTS:
            found[count].append(cost(bench, count))
    best = {count: min(found[count]) for count in COUNTS}
    rows = []
    for count in COUNTS:
        used, threads, rate = best[count]
        ratio = used / best[1][0]
        budget, judged = ("", NO_BUDGET) if count == 1 else (
            f"<= x {GROWTH}, 1 thread", verdict(max(ratio / GROWTH, threads), 1))
        rows.append(Row(
            f"{count} check{'s' if count > 1 else ''} in one vouch: CPU a probe", budget,
            f"{used:.0f} us, x {ratio:.2f}, {threads} thread{'s' if threads > 1 else ''}, "
            f"{rate:.0f} probes/s", judged,
            "user + system, --http, watchdog on; the least of the parts, in turns"))
    return rows
