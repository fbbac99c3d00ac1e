"""What `--pass adopt` costs: the filter while the program runs, an adopted bind, and the start.

Everything is compared with the same program under the same vouch without the filter, in turns, so that
what else the machine does meets both alike.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

import proc
from bench import Unmeasured, end, spawn
from board import Board
from launch import delay
from service import free_port
from table import NO_BUDGET, Row, spread, verdict

PROBE = pathlib.Path(__file__).with_name("adopt_probe.py")
CONNECTIONS = 16
START_BUDGET = 5.0  # ms
NGINX = """
daemon off;
worker_processes 1;
pid {room}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {room}/body;
  proxy_temp_path {room}/proxy;
  fastcgi_temp_path {room}/fastcgi;
  uwsgi_temp_path {room}/uwsgi;
  scgi_temp_path {room}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello\\n"; }} }}
}}
"""


class Nginx:
    """`with Nginx(...) as server:`, nginx under vouch; `adopting` its socket, or on a port of its own."""

    def __init__(self, bench, adopting):
        self.bench, self.adopting = bench, adopting
        self.room = bench.room / f"nginx.{'adopt' if adopting else 'plain'}"

    def __enter__(self):
        self.room.mkdir(exist_ok=True)
        with contextlib.ExitStack() as stack:
            listener = None
            if self.adopting:
                listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=511))
            self.port = listener.getsockname()[1] if listener else free_port()
            configuration = self.room / "nginx.conf"
            configuration.write_text(NGINX.format(room=self.room, port=self.port))
            options = ["--pass", "adopt"] if self.adopting else []
            self.pid = spawn(
                [self.bench.vouch, "--no-check", *options, "--", shutil.which("nginx"), "-c",
                 str(configuration), "-p", str(self.room)],
                {}, listener=listener and listener.fileno())
        self.await_answer()
        master, = children(self.pid)
        self.worker, = children(master)
        return self

    def __exit__(self, *_):
        end(self.pid)

    def await_answer(self, patience=10.0):
        limit = time.monotonic() + patience
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.settimeout(1)
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    if connection.recv(16):
                        return
            except OSError:
                pass
            if time.monotonic() > limit:
                raise Unmeasured("nginx under vouch does not answer")
            time.sleep(0.02)

    def load(self, seconds, headers):
        """Requests a second, as wrk counts them, and microseconds of the worker's CPU for each."""
        before = proc.cpu_time_of_all(self.worker)
        result = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers,
             f"http://127.0.0.1:{self.port}/"],
            capture_output=True, text=True, timeout=60)
        used = proc.cpu_time_of_all(self.worker) - before
        rate = re.search(r"Requests/sec:\s*([\d.]+)", result.stdout)
        count = re.search(r"(\d+) requests in", result.stdout)
        if not rate or not count or "Non-2xx" in result.stdout:
            raise Unmeasured(f"wrk: {result.stdout[-200:]}{result.stderr[-200:]}")
        return float(rate[1]), used / int(count[1]) / 1000


def children(pid):
    return [int(each) for each in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def throughputs(bench):
    if not shutil.which("wrk") or not shutil.which("nginx"):
        raise Unmeasured("wrk or nginx is not installed")
    rounds, seconds = bench.times(20, 4), 1
    rows = []
    with Nginx(bench, True) as adopted, Nginx(bench, False) as plain:
        for kind, headers in [
                ("kept connections", []), ("a connection for each", ["-H", "Connection: close"])]:
            ratios, rates, costs = [], [], []
            for turn in range(rounds):
                order = [adopted, plain] if turn % 2 else [plain, adopted]
                seen = {server: server.load(seconds, headers) for server in order}
                ratios.append(seen[adopted][0] / seen[plain][0])
                costs.append(seen[adopted][1] / seen[plain][1])
                rates.append(seen[plain][0])
            how = (f"wrk -c{CONNECTIONS}, with the filter by without, {rounds} pairs of {seconds} s "
                   "in turns")
            rows.append(Row(
                f"adopt: throughput of nginx, {kind}", "", ratio(ratios), NO_BUDGET,
                f"{how}; {statistics.median(rates):.0f} requests/s without"))
            # Hardly depends on what else the machine does.
            rows.append(Row(
                f"adopt: CPU of nginx for a request, {kind}", "", ratio(costs), NO_BUDGET,
                "the same, user + system of its worker"))
    return rows


def ratio(values):
    return f"x {statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def probe(bench, what, count, adopting):
    """The nanoseconds that the probe measures for each of `count` times, under vouch, which was passed
    a socket in either case; where paths matter, a Unix one."""
    path = bench.room / "adopt.sock"
    with contextlib.ExitStack() as stack:
        if what == "unlink":
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen()
            port = 0
        else:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=16))
            port = listener.getsockname()[1] if adopting else free_port()
        command = [bench.vouch, "--no-check", *(["--pass", "adopt"] if adopting else []), "--",
                   sys.executable, "-B", "-E", "-s", "-S", str(PROBE), what, str(port), str(count),
                   str(bench.room)]
        output = bench.room / "adopt.probe"
        with open(output, "wb") as file:
            pid = spawn(command, {}, listener=listener.fileno(), output=file.fileno())
        os.waitpid(pid, 0)
        numbers = [int(line) for line in output.read_text().split()]
        if len(numbers) != count:
            raise Unmeasured(f"adopt_probe.py {what} did not run to its end under vouch")
        return numbers


CALLS = [
    ("bind(2), without the filter", "bind", False),
    ("bind(2), adopted", "bind", True),
    ("bind(2), of another address", "foreign", True),
    ("shutdown(2) of both sides of a connection, without the filter", "shutdown", False),
    ("shutdown(2) of both sides of a connection", "shutdown", True),
    ("unlink(2), without the filter", "unlink", False),
    ("unlink(2), where a path is passed", "unlink", True),
]


def calls(bench):
    """The system calls that vouch is asked about."""
    count, rounds = bench.times(300, 60), bench.times(5, 2)
    figures = {name: [] for name, _, _ in CALLS}
    for _ in range(rounds):
        for name, what, adopting in CALLS:
            figures[name] += [number / 1e6 for number in probe(bench, what, count, adopting)]
    return [
        Row(f"adopt: {name}", "", spread(values, "ms", 3), NO_BUDGET,
            f"as the program sees it, {len(values)} times")
        for name, values in figures.items()]


def system_calls(bench):
    """The worst case: a program that does nothing but the shortest system call there is."""
    rounds, count = bench.times(15, 5), 20
    costs, plain = [], []
    for turn in range(rounds):
        took = {}
        for adopting in ([True, False] if turn % 2 else [False, True]):
            took[adopting] = min(probe(bench, "getppid", count, adopting))
        costs.append(took[True] - took[False])
        plain.append(took[False])
    return [Row(
        "adopt: a system call that is not asked about", "", spread(costs, "ns", 0), NO_BUDGET,
        f"getppid(2) in a loop, with the filter less without, {rounds} pairs; "
        f"{statistics.median(plain):.0f} ns without, the loop included")]


def start(bench):
    board = Board(bench.room / "board.adopt")
    more = []
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        commands = {
            name: [bench.vouch, "--no-check", "--pass", name, "--"] for name in ("adopt", "systemd")}
        for turn in range(bench.times(50, 10)):
            took = {}
            for name in (sorted(commands) if turn % 2 else sorted(commands, reverse=True)):
                took[name], _ = delay(board, commands[name], {}, listener=listener.fileno())
            more.append(took["adopt"] - took["systemd"])
    return [Row(
        "adopt: start, more than --pass systemd", f"<= {START_BUDGET:.0f} ms", spread(more, "ms"),
        verdict(statistics.median(more), START_BUDGET),
        f"from exec of vouch to exec of the child, the self-test included, {len(more)} pairs")]


def measure(bench):
    rows = []
    for part in (start, calls, system_calls, throughputs):
        rows += part(bench)
    return rows
