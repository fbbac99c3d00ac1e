"""From the exec of vouch to the exec of the child, against tini.

The child is date(1), which prints when it runs. What date itself needs to get there is in every
figure alike, and gone from the difference of two. The beginning is noted by the new process as the
last thing before its exec, so the bench's own fork is not in it.
"""

import os
import shutil
import statistics
import time

from bench import Unmeasured, spawn
from board import Board
from notify import NotifySocket
from table import NO_BUDGET, Row, spread, verdict

BUDGET = 5.0  # ms


def delay(board, command, environment, listener=None):
    """Milliseconds from the exec of `command` to the child's own stamp, and of CPU in all."""
    reader, writer = os.pipe()
    pid = spawn(
        [*command, "date", "+%s%N"], environment, listener=listener, output=writer,
        before_exec=lambda: board.put("executed", time.time_ns()))
    os.close(writer)
    with open(reader) as output:
        text = output.read()
    _, _, used = os.wait4(pid, 0)
    if not text.strip().isdigit():
        raise Unmeasured(f"no child under {' '.join(command)}")
    return (int(text) - board.executed) / 1e6, (used.ru_utime + used.ru_stime) * 1e3


def measure(bench):
    if not shutil.which("tini"):
        raise Unmeasured("tini is not installed")
    with NotifySocket(bench) as notify:
        programs = {
            "date alone": ([], {}),
            # -s: as a subreaper, which vouch is too.
            "tini": (["tini", "-s", "--"], {}),
            "vouch --no-check": ([bench.vouch, "--no-check", "--"], {}),
            "vouch --http": ([bench.vouch, "--http", ":1/", "--"], {}),
            "vouch --http, NOTIFY_SOCKET": (
                [bench.vouch, "--http", ":1/", "--"],
                {"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "30000000"}),
        }
        board = Board(bench.room / "board.launch")
        delays, cpu = {name: [] for name in programs}, {name: [] for name in programs}
        names = list(programs)
        for turn in range(bench.times(50, 10)):
            # In turns, and each is the first as often as the others.
            for place in range(len(names)):
                name = names[(turn + place) % len(names)]
                took, used = delay(board, *programs[name])
                delays[name].append(took)
                cpu[name].append(used)
                notify.drain(0.001)

    tini = statistics.median(delays["tini"])
    alone = statistics.median(delays["date alone"])
    how = f"`{{}} -- date +%s%N` minus `tini -s -- ...`, {len(delays['tini'])} turns"
    rows = [Row(
        "launch: tini", "",
        f"{spread(delays['tini'], 'ms')}, {tini - alone:.1f} ms of it tini's own", NO_BUDGET,
        f"`tini -s -- date +%s%N`; date alone takes {alone:.1f} ms")]
    for name in names[2:]:
        more = [mine - tinis for mine, tinis in zip(delays[name], delays["tini"])]
        ratio = statistics.median(delays[name]) / tini
        rows.append(Row(
            f"launch: {name}, more than tini", f"<= {BUDGET:.0f} ms",
            f"{spread(more, 'ms')}, x {ratio:.1f}",
            verdict(statistics.median(more), BUDGET), how.format(name)))
    # Unlike the delays it hardly depends on what else the machine does.
    rows.append(Row(
        "launch: CPU from exec to end, vouch --http", "",
        f"{spread(cpu['vouch --http'], 'ms')}, tini {statistics.median(cpu['tini']):.1f} ms",
        NO_BUDGET, "user + system (wait4), date's own included"))
    return rows
