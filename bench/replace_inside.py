"""replace_inside.py N, inside a systemd: each server is replaced N times under load. In turns with that it
is left in peace for as long, and the same program is restarted on another port, which costs the machine
as much and the clients nothing else. Prints a JSON object: name to requests, failed, reconnects, and the
worst waits of the rounds in peace (quiet), with a replacement (busy) and with a restart next door
(next_door), in milliseconds."""

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
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
ExecStart=/usr/bin/vouch --http '{check}' --on-reload replace --drain 5s {options} -- {command}
ExecReload=/usr/bin/vouch reload
"""
GO = "/run/go-app/go-app"
FIXTURES = "/usr/lib/vouch-fixtures"
GUNICORN = f"/usr/bin/gunicorn --workers 2 --chdir {FIXTURES}/wsgi-app app:app"
SERVERS = {
    "gunicorn": {"port": 8091, "options": "", "command": GUNICORN},
    # The checks warm its workers up before clients depend on them.
    "gunicorn, rise=5": {
        "port": 8095, "options": "", "command": GUNICORN, "check": "/ rise=5 interval=100ms"},
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
    """Two clients that open a connection for each request, and two that keep theirs."""

    def __init__(self, port):
        self.port = port
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.requests = self.failed = self.reconnects = 0
        self.worst = 0.0

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=(keeps,))
                        for keeps in (False, False, True, True)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def take_worst(self):
        with self.lock:
            worst, self.worst = self.worst, 0.0
        return worst * 1000

    def run(self, keeps):
        connection = None
        while not self.stopped.is_set():
            began = time.monotonic()
            is_new = connection is None
            connection = connection or self.connect()
            answered = self.ask(connection, keeps)
            if not answered and not is_new:
                # A server may close a connection that rests; a client asks anew (RFC 9112, 9.3.1).
                connection.close()
                with self.lock:
                    self.reconnects += 1
                connection = self.connect()
                answered = self.ask(connection, keeps)
            with self.lock:
                self.requests += 1
                self.failed += not answered
                self.worst = max(self.worst, time.monotonic() - began)
            if not keeps or not answered or connection.sock is None:
                connection.close()
                connection = None
            time.sleep(0.002)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, connection, keeps):
        try:
            headers = {} if keeps else {"Connection": "close"}
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False


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
        file.write(SERVICE.format(**{"check": "/", **server}))
    run("systemctl", "daemon-reload")
    run("systemctl", "start", f"{unit}.socket", f"{unit}.service")


def measure(unit, server, rounds):
    start(unit, server)
    start(f"{unit}-next-door", next_door(server))
    waits = {"quiet": [], "busy": [], "next_door": []}
    with Load(server["port"]) as load:
        time.sleep(ROUND)
        load.take_worst()

        def take_round(kind, *words):
            ends = time.monotonic() + ROUND
            if words:
                run("systemctl", *words)
            time.sleep(max(0, ends - time.monotonic()))
            waits[kind].append(load.take_worst())

        for _ in range(rounds):
            take_round("quiet")
            take_round("busy", "reload", f"{unit}.service")
            take_round("next_door", "restart", f"{unit}-next-door.service")
    for name in (unit, f"{unit}-next-door"):
        run("systemctl", "stop", f"{name}.service", f"{name}.socket")

    summaries = {kind: {"median": statistics.median(all), "worst": max(all)}
                 for kind, all in waits.items()}
    return {"requests": load.requests, "failed": load.failed, "reconnects": load.reconnects, **summaries}


def main(rounds):
    build_go()
    results = {}
    for number, (name, server) in enumerate(SERVERS.items()):
        results[name] = measure(f"replace{number}", server, rounds)
    print(json.dumps(results))


main(int(sys.argv[1]))
