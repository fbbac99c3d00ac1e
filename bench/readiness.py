"""From the moment the child is able to answer to the arrival of READY=1.

The child notes when it is (on a socket of its own: listen(2) has returned; on a passed one: it is
about to call accept(2)); the kernel notes when the datagram arrives. The peer is what people put
into ExecStartPost= instead, a loop of curl and sleep.
"""

import os
import random
import shutil
import statistics
import time

from bench import Unmeasured, end, spawn
from notify import NotifySocket
from service import Service
from table import NO_BUDGET, Row, spread, verdict

START_TIMES = [0.1, 0.5, 2.0]  # s
ON_PASSED = 2.0  # ms
SHARE = 0.05  # of the start time

CURL_LOOP = "until curl -s -o /dev/null http://127.0.0.1:{port}/; do sleep 0.1; done"


def delay_of_vouch(bench, start, passed):
    """(start time, delay), in milliseconds."""
    options = ["--http", "/" if passed else ":{port}/"]
    with NotifySocket(bench) as notify, \
            Service(bench, options, start, passed=passed, notify=notify) as service:
        ready = notify.arrival("READY=1")
        return stamps(service.board, ready)


def delay_of_curl_loop(bench, start):
    """The same child under vouch --no-check, and the loop beside it; its end is what is timed."""
    with Service(bench, ["--no-check"], start) as service:
        loop = spawn(["sh", "-c", CURL_LOOP.format(port=service.port)], {})
        limit = time.monotonic() + start + 30
        while not os.waitpid(loop, os.WNOHANG)[0]:
            if time.monotonic() > limit:
                end(loop)
                raise Unmeasured("the loop of curl did not end")
            time.sleep(0.0002)
        return stamps(service.board, time.time_ns())


def stamps(board, ready):
    return (board.serving - board.executed) / 1e6, (ready - board.serving) / 1e6


def measure(bench):
    repeats = bench.times(20, 4)
    results = {}
    for start in START_TIMES[:bench.times(3, 2)]:
        for _ in range(repeats):
            # A pause between two tries may begin just before the child serves, or end just after.
            chance = start + random.uniform(0, 0.05)
            for name, run in [
                ("passed", lambda: delay_of_vouch(bench, chance, True)),
                ("own", lambda: delay_of_vouch(bench, chance, False)),
                ("curl", lambda: delay_of_curl_loop(bench, chance)),
            ]:
                # The peer is only there for the comparison, so the longest start is spared.
                if name == "curl" and (start > 1 or not shutil.which("curl")):
                    continue
                results.setdefault((name, start), []).append(run())
    return [row(name, start, runs) for (name, start), runs in sorted(results.items())]


def row(name, start, runs):
    took = statistics.median(start_time for start_time, _ in runs)
    delays = [delay for _, delay in runs]
    median = statistics.median(delays)
    figure, how = spread(delays, "ms"), f"{len(runs)} turns, the child serves after {took:.0f} ms"
    if name == "passed":
        return Row(f"readiness: passed socket, start {start:g} s", f"<= {ON_PASSED:.0f} ms", figure,
                   verdict(median, ON_PASSED), f"--http /; {how}")
    if name == "own":
        budget = SHARE * took + ON_PASSED
        return Row(f"readiness: port of its own, start {start:g} s", f"<= {budget:.1f} ms", figure,
                   verdict(median, budget), f"--http :PORT/; {how}; budget 5 % of that + 2 ms")
    return Row(f"readiness: curl loop, start {start:g} s", "", figure, NO_BUDGET,
               f"`until curl ...; do sleep 0.1; done`; {how}")
