"""replace_inside.py N, inside a systemd: each server is replaced N times under load, and left in peace for
as long in between. Prints a JSON object: name to requests, failed, reconnects, and the worst waits of the
rounds in peace (quiet) and of those with a replacement (busy), in milliseconds."""

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
ExecStart=/usr/bin/vouch --http / --on-reload replace --drain 5s {options} -- {command}
ExecReload=/usr/bin/vouch reload
"""
GO = "/run/go-app/go-app"
FIXTURES = "/usr/lib/vouch-fixtures"
SERVERS = {
    "gunicorn": {
        "port": 8091, "options": "",
        "command": f"/usr/bin/gunicorn --workers 2 --chdir {FIXTURES}/wsgi-app app:app"},
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


def measure(unit, server, rounds):
    with open(f"/etc/systemd/system/{unit}.socket", "w") as file:
        file.write(SOCKET.format(**server))
    with open(f"/etc/systemd/system/{unit}.service", "w") as file:
        file.write(SERVICE.format(**server))
    run("systemctl", "daemon-reload")
    run("systemctl", "start", f"{unit}.socket", f"{unit}.service")
    quiet, busy = [], []
    with Load(server["port"]) as load:
        time.sleep(ROUND)
        load.take_worst()
        for _ in range(rounds):
            time.sleep(ROUND)
            quiet.append(load.take_worst())
            ends = time.monotonic() + ROUND
            run("systemctl", "reload", f"{unit}.service")
            time.sleep(max(0, ends - time.monotonic()))
            busy.append(load.take_worst())
    run("systemctl", "stop", f"{unit}.service", f"{unit}.socket")

    def summary(waits):
        return {"median": statistics.median(waits), "worst": max(waits)}

    return {"requests": load.requests, "failed": load.failed, "reconnects": load.reconnects,
            "quiet": summary(quiet), "busy": summary(busy)}


def main(rounds):
    build_go()
    results = {}
    for number, (name, server) in enumerate(SERVERS.items()):
        results[name] = measure(f"replace{number}", server, rounds)
    print(json.dumps(results))


main(int(sys.argv[1]))
