"""replace_inside.py N, inside a systemd: each server is replaced N times under load. In turns with that it
is left in peace for as long, and the same program is restarted on another port, which costs the machine
as much and the clients nothing else. Prints a JSON object: name to requests, failed, reconnects, and the
worst waits of the rounds in peace (quiet), with a replacement (busy) and with a restart next door
(next_door), in milliseconds."""

import gc
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

SOCKET = """
[Socket]
ListenStream=127.0.0.1:{port}
"""
SERVICE = """
[Unit]
StartLimitIntervalSec=0

[Service]
Type=notify
WatchdogSec=30
KillMode=mixed
ExecStart=/usr/bin/vouch --http / --on-reload replace --drain 5s {options} -- {command}
ExecReload=/usr/bin/vouch reload
"""
GO = "/run/go-app/go-app"
FIXTURES = "/usr/lib/vouch-fixtures"
SERVERS = {
    "gunicorn": {"port": 8091, "options": "", "command":
                 f"/usr/bin/gunicorn --workers 2 --chdir {FIXTURES}/wsgi-app app:app"},
    "node": {"port": 8092, "options": "", "command": f"/usr/bin/node {FIXTURES}/node-app/server.js"},
    "Go": {"port": 8093, "options": "", "command": GO},
    "Go, adopted": {
        "port": 8094, "options": "--pass adopt", "command": f"{GO} -listen 127.0.0.1:8094"},
}
# As long as a replacement takes, and the old generation needs to end.
ROUND = 0.6


def run(*words, **options):
    return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **options)


class Load:
    """Two clients that open a connection for each request, and two that keep theirs: each a process of
    its own, since threads of one Python would wait for each other and be measured with it."""

    def __init__(self, port):
        self.stopped = multiprocessing.Event()
        self.clients = []
        for keeps in (False, False, True, True):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=client, args=(port, keeps, self.stopped, theirs))
            self.clients.append((process, ours))
        self.requests = self.failed = self.reconnects = 0
        self.waits = []

    def __enter__(self):
        for process, _ in self.clients:
            process.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for process, pipe in self.clients:
            waits, failed, reconnects = pipe.recv()
            process.join()
            self.requests += len(waits)
            self.failed += failed
            self.reconnects += reconnects
            self.waits += waits

    def worst(self, begin, end):
        """Of the requests that were on their way in that time, in milliseconds; to be asked after the load's
        end."""
        return max(wait for began, wait in self.waits if began < end and began + wait > begin) * 1000


def client(port, keeps, stopped, pipe):
    # Its heap grows by what it notes, and looking through that now and then would be measured, too.
    gc.disable()
    waits, failed, reconnects = [], 0, 0
    connection = None
    while not stopped.is_set():
        began = time.monotonic()
        is_new = connection is None
        connection = connection or connect(port)
        answered = ask(connection, keeps)
        if answered is None and not is_new:
            # A server may close a connection that rests; a client asks anew (RFC 9112, 9.3.1).
            connection.close()
            reconnects += 1
            connection = connect(port)
            answered = ask(connection, keeps)
        waits.append((began, time.monotonic() - began))
        failed += not answered
        if not keeps or not answered or connection.sock is None:
            connection.close()
            connection = None
        time.sleep(0.002)
    pipe.send((waits, failed, reconnects))


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def ask(connection, keeps):
    """Whether the answer is the right one; None where there is none."""
    try:
        headers = {} if keeps else {"Connection": "close"}
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return None


def build_go():
    os.makedirs("/run/go-app", exist_ok=True)
    run("/usr/bin/go", "build", "-o", GO, f"{FIXTURES}/go-app/main.go",
        env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": "/run/go-app/cache", "HOME": "/root"})


def next_door(server):
    port = str(server["port"] + 10)
    return {**server, "port": port, "command": server["command"].replace(str(server["port"]), port)}


def start(unit, server):
    with open(f"/etc/systemd/system/{unit}.socket", "w") as file:
        file.write(SOCKET.format(**server))
    with open(f"/etc/systemd/system/{unit}.service", "w") as file:
        file.write(SERVICE.format(**server))
    run("systemctl", "daemon-reload")
    run("systemctl", "start", f"{unit}.socket", f"{unit}.service")


def measure(unit, server, rounds):
    start(unit, server)
    start(f"{unit}-next-door", next_door(server))
    rounds_of = {"quiet": [], "busy": [], "next_door": []}
    with Load(server["port"]) as load:
        time.sleep(ROUND)

        def take_round(kind, *words):
            begin = time.monotonic()
            if words:
                run("systemctl", *words)
            time.sleep(max(0, begin + ROUND - time.monotonic()))
            rounds_of[kind].append((begin, time.monotonic()))

        for _ in range(rounds):
            take_round("quiet")
            take_round("busy", "reload", f"{unit}.service")
            take_round("next_door", "restart", f"{unit}-next-door.service")
    for name in (unit, f"{unit}-next-door"):
        run("systemctl", "stop", f"{name}.service", f"{name}.socket")

    summaries = {}
    for kind, spans in rounds_of.items():
        worst = [load.worst(*span) for span in spans]
        summaries[kind] = {"median": statistics.median(worst), "worst": max(worst)}
    return {"requests": load.requests, "failed": load.failed, "reconnects": load.reconnects, **summaries}


def main(rounds):
    build_go()
    results = {}
    for number, (name, server) in enumerate(SERVERS.items()):
        results[name] = measure(f"replace{number}", server, rounds)
    print(json.dumps(results))


main(int(sys.argv[1]))
