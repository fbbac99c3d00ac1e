"""Requests that fail while a socket-activated server is restarted under load, under a real systemd
that is private to this script. Inside it runs restart_inside.py."""

import json
import os
import pathlib
import subprocess

from bench import Unmeasured
from table import NO_BUDGET, Row, verdict

HERE = pathlib.Path(__file__).parent.resolve()
SANDBOX = HERE.parent / "Tests" / "private-systemd"


def measure(bench):
    if os.geteuid() != 0:
        raise Unmeasured("restart: a private systemd needs root")
    if not os.access("/usr/bin/gunicorn", os.X_OK):
        raise Unmeasured("restart: gunicorn is not installed")
    room = bench.room / "systemd"
    restarts = bench.times(10, 3)
    up = subprocess.run(
        [SANDBOX, "up", room, "--for", str(os.getpid()), "--bind", f"{bench.vouch}:/usr/bin/vouch",
         "--bind", f"{HERE}:/usr/lib/vouch-bench"], capture_output=True, text=True)
    if up.returncode != 0:
        raise Unmeasured(f"restart: no private systemd: {up.stderr.strip()}")
    try:
        run = subprocess.run(
            [SANDBOX, "in", room, "/usr/bin/python3", "-B",
             "/usr/lib/vouch-bench/restart_inside.py", str(restarts)],
            capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        raise Unmeasured("restart: it took more than two minutes")
    finally:
        subprocess.run([SANDBOX, "down", room], capture_output=True)
    if run.returncode != 0:
        raise Unmeasured(f"restart: {(run.stderr.splitlines() or ['it failed'])[-1]}")
    return [row(name, restarts, result) for name, result in json.loads(run.stdout).items()]


def row(name, restarts, result):
    failed = result["failed"]
    return Row(
        f"restart with a passed socket: {name}", "0 failed" if name == "vouch" else "",
        f"{failed} of {result['requests']} failed, longest wait {result['longest']:.2f} s",
        verdict(failed, 0) if name == "vouch" else NO_BUDGET,
        f"`systemctl restart` {restarts} times in turns, gunicorn, 2 clients, a connection each"
        + ("" if name == "vouch" else "; gunicorn's own sd_notify"))
