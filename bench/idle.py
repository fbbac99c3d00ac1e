"""What vouch costs while nothing happens: threads, memory, wake-ups, and the CPU of a rare probe.

Each vouch has one HTTP check, a notify socket and a watchdog, as in a unit.
"""

import contextlib
import os
import time

import proc
from notify import NotifySocket
from service import Service
from table import NO_BUDGET, Row, verdict

THREADS = 2
PRIVATE_DIRTY = 1536  # KiB
INSTANCE = 2048  # KiB
HTTP = ["--http", ":{port}/"]


def measure(bench):
    return [*memory(bench), *wakeups(bench)]


def memory(bench):
    # With fewer instances the shares of libc and the like, which everybody maps, weigh more.
    probes, instances = 50, 10
    with contextlib.ExitStack() as started:
        notify = started.enter_context(NotifySocket(bench))

        def start():
            service = started.enter_context(Service(
                bench, [*HTTP, "--interval=20ms", "--timeout=1s"], notify=notify,
                watchdog=2_000_000))
            service.wait_for_answers(probes, meanwhile=lambda: notify.drain(0.002))
            return service.pid

        pids = [start()]
        first = proc.memory(pids[0])
        threads = proc.threads(pids[0])
        pids += [start() for _ in range(instances - 1)]
        each = (sum(proc.memory(pid)["Pss"] for pid in pids) - first["Pss"]) / (instances - 1)
    return [
        Row("idle: threads", f"<= {THREADS}", str(threads), verdict(threads, THREADS),
            "/proc/PID/task, one HTTP check"),
        Row("idle: private dirty memory", f"<= {PRIVATE_DIRTY} KiB",
            f"{first['Private_Dirty']} KiB (anonymous {first['Anonymous']}, rss {first['Rss']})",
            verdict(max(first["Private_Dirty"], first["Anonymous"]), PRIVATE_DIRTY),
            f"/proc/PID/smaps_rollup after {probes} probes, one HTTP check"),
        Row("idle: each further instance", f"<= {INSTANCE} KiB PSS", f"{each:.0f} KiB",
            verdict(each, INSTANCE), f"sum of Pss of {instances} instances less that of one alone"),
    ]


def wakeups(bench):
    """One vouch at an interval of 1 s, and one at 10 s that is watched between two probes."""
    rounds, window = bench.times(20, 9), 8
    with NotifySocket(bench) as notify, NotifySocket(bench) as other, \
            Service(bench, [*HTTP, "--interval=1s"], notify=notify, watchdog=3_000_000) as busy, \
            Service(bench, HTTP, notify=other, watchdog=30_000_000) as quiet:
        # The second answer comes an interval later: warmed up, and nothing of the start is left.
        quiet.wait_for_answers(2, meanwhile=lambda: notify.drain(0.05))
        time.sleep(0.5)
        quiet_before, quiet_until = proc.switches(quiet.pid), time.monotonic() + window
        answered, switches = busy.board.answered, proc.switches(busy.pid)
        cpu = proc.cpu_time(busy.pid)
        asleep = None
        while busy.board.answered < answered + rounds or asleep is None:
            notify.drain(0.1)
            if asleep is None and time.monotonic() > quiet_until:
                asleep = proc.switches(quiet.pid) - quiet_before
        time.sleep(0.3)
        count = busy.board.answered - answered
        switches = (proc.switches(busy.pid) - switches) / count
        cpu = (proc.cpu_time(busy.pid) - cpu) / count / 1000
    return [
        Row("idle: wake-ups between probes", "0", str(asleep), verdict(asleep, 0),
            f"context switches in {window} s between two probes, WatchdogSec=30, interval 10 s"),
        Row("idle: wake-ups for a probe", "", f"{switches:.1f}", NO_BUDGET,
            f"context switches at an interval of 1 s, {count} probes"),
        Row("idle: CPU for a rare probe", "", f"{cpu:.0f} us", NO_BUDGET,
            "user + system at an interval of 1 s, cold caches, WATCHDOG=1 included"),
    ]
