"""Requests that fail while `systemctl reload` replaces the program under load (`--on-reload replace`), and
how long a request takes then, beside the same load in peace. Inside a private systemd it runs
replace_inside.py."""

import json
import os
import pathlib
import shutil
import subprocess

from bench import Unmeasured
from table import Row, verdict

HERE = pathlib.Path(__file__).parent.resolve()
FIXTURES = HERE.parent / "Tests" / "fixtures"
SANDBOX = HERE.parent / "Tests" / "private-systemd"
LATENCY_BUDGET = 2.0


def measure(bench):
    if os.geteuid() != 0:
        raise Unmeasured("replace: a private systemd needs root")
    for tool in ("gunicorn", "node", "go"):
        if not shutil.which(tool):
            raise Unmeasured(f"replace: {tool} is not installed")
    room = bench.room / "systemd-replace"
    rounds = bench.times(50, 5)
    up = subprocess.run(
        [SANDBOX, "up", room, "--for", str(os.getpid()), "--bind", f"{bench.vouch}:/usr/bin/vouch",
         "--bind", f"{HERE}:/usr/lib/vouch-bench", "--bind", f"{FIXTURES}:/usr/lib/vouch-fixtures"],
        capture_output=True, text=True)
    if up.returncode != 0:
        raise Unmeasured(f"replace: no private systemd: {up.stderr.strip()}")
    try:
        run = subprocess.run(
            [SANDBOX, "in", room, "/usr/bin/python3", "-B",
             "/usr/lib/vouch-bench/replace_inside.py", str(rounds)],
            capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise Unmeasured("replace: it took more than ten minutes")
    finally:
        subprocess.run([SANDBOX, "down", room], capture_output=True)
    if run.returncode != 0:
        raise Unmeasured(f"replace: {(run.stderr.splitlines() or ['it failed'])[-1]}")
    rows = []
    for name, result in json.loads(run.stdout).items():
        rows += rows_of(name, rounds, result)
    return rows


def rows_of(name, rounds, result):
    failed, quiet, busy = result["failed"], result["quiet"], result["busy"]
    ratio = busy["worst"] / quiet["worst"]

    def waits(kind):
        return f"{result[kind]['worst']:.1f} ms ({result[kind]['median']:.1f})"

    return [
        Row(f"replace {name}: requests", "0 failed",
            f"{failed} of {result['requests']} failed, {result['reconnects']} kept connections ended",
            verdict(failed, 0),
            f"`systemctl reload` {rounds} times, 2 clients with a connection each time and 2 that keep "
            "theirs"),
        Row(f"replace {name}: worst wait", f"<= x {LATENCY_BUDGET:.0f}",
            f"x {ratio:.2f}: {waits('busy')}, in peace {waits('quiet')}, while the same program restarts "
            f"on another port {waits('next_door')}",
            verdict(ratio, LATENCY_BUDGET),
            f"{rounds} rounds of each kind, in turns: the worst of all (the median of each round's worst)"),
    ]
