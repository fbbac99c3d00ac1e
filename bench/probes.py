"""The CPU that a probe of a local port takes, against curl.

They are run in turns: some hundred probes, then a few runs of curl, which is what a check by a
command takes.
"""

import os
import shutil
import statistics
import time

import proc
from bench import spawn
from notify import NotifySocket
from service import Service
from table import NO_BUDGET, Row, spread, verdict

BUDGET = 150.0  # us
ROUNDS = 10


def cpu_of(command):
    """User + system of one run, in microseconds."""
    _, status, used = os.wait4(spawn(command, {}), 0)
    return (used.ru_utime + used.ru_stime) * 1e6 if status == 0 else None


def alone(bench):
    """(a probe's microseconds in each round, curl's in each run)"""
    probes, curls = [], []
    batch = bench.times(500, 100)
    with Service(bench, ["--http", ":{port}/ interval=2ms timeout=1s"]) as service:
        service.wait_for_answers(200)
        for _ in range(ROUNDS):
            answered, cpu = service.board.answered, proc.cpu_time(service.pid)
            service.wait_for_answers(answered + batch, meanwhile=lambda: time.sleep(0.02))
            count = service.board.answered - answered
            probes.append((proc.cpu_time(service.pid) - cpu) / count / 1000)
            if shutil.which("curl"):
                url = f"http://127.0.0.1:{service.port}/"
                used = [cpu_of(["curl", "-s", "-o", "/dev/null", url]) for _ in range(5)]
                curls += [figure for figure in used if figure]
    return probes, curls, batch * ROUNDS


def fed(bench):
    """The same where each probe also feeds a watchdog; how many did."""
    batch = bench.times(200, 50)
    probes, feeds, total = [], 0, 0
    options = ["--http", ":{port}/ interval=4ms timeout=11ms"]
    with NotifySocket(bench) as notify, \
            Service(bench, options, notify=notify, watchdog=15_000) as service:
        service.wait_for_answers(50, meanwhile=lambda: notify.drain(0.02))
        for _ in range(bench.times(5, 3)):
            answered, cpu = service.board.answered, proc.cpu_time(service.pid)
            while service.board.answered < answered + batch:
                feeds += notify.drain(0.05)
            count = service.board.answered - answered
            total += count
            probes.append((proc.cpu_time(service.pid) - cpu) / count / 1000)
    return probes, feeds / total, total


def measure(bench):
    probes, curls, count = alone(bench)
    rows = [Row(
        "probe of a local port: CPU", f"<= {BUDGET:.0f} us", spread(probes, "us", 0),
        verdict(statistics.median(probes), BUDGET),
        f"user + system (schedstat), --http ':PORT/ interval=2ms', {count} probes, {ROUNDS} parts")]
    if curls:
        ratio = statistics.median(curls) / statistics.median(probes)
        rows.append(Row(
            "probe by curl: CPU", "", f"{spread(curls, 'us', 0)}, x {ratio:.0f}", NO_BUDGET,
            f"`curl -s -o /dev/null URL`, user + system (wait4), {len(curls)} times in between"))
    probes, feeds, count = fed(bench)
    rows.append(Row(
        "probe that feeds the watchdog: CPU", "", spread(probes, "us", 0), NO_BUDGET,
        f"interval=4ms, WATCHDOG_USEC=15000: {feeds:.2f} WATCHDOG=1 a probe; {count} probes"))
    return rows
