"""restart_inside.py N, inside a systemd: gunicorn under vouch and gunicorn by itself, restarted N
times in turns, each under load of its own. Prints a JSON object: name to requests, failed, longest
(seconds)."""

import http.client
import json
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
WatchdogSec={watchdog}
KillMode=mixed
ExecStart={before}/usr/bin/gunicorn --workers 2 wsgiref.simple_server:demo_app
DynamicUser=yes
"""
CLIENTS = 2
# Gunicorn feeds no watchdog by itself.
VARIANTS = {
    "vouch": {"port": 8081, "watchdog": 30, "before": "/usr/bin/vouch --http / -- "},
    "gunicorn alone": {"port": 8082, "watchdog": 0, "before": ""},
}


def systemctl(*words):
    subprocess.run(["systemctl", *words], check=True, stdout=subprocess.DEVNULL)


class Load:
    """Clients that open a connection for each request, from the block's beginning to its end."""

    def __init__(self, port):
        self.port = port
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.requests = self.failed = 0
        self.longest = 0.0

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        while not self.stopped.is_set():
            began = time.monotonic()
            failed = not self.ask()
            with self.lock:
                self.requests += 1
                self.failed += failed
                self.longest = max(self.longest, time.monotonic() - began)

    def ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def main(restarts):
    for number, variant in enumerate(VARIANTS.values()):
        with open(f"/etc/systemd/system/bench{number}.socket", "w") as file:
            file.write(SOCKET.format(**variant))
        with open(f"/etc/systemd/system/bench{number}.service", "w") as file:
            file.write(SERVICE.format(**variant))
    systemctl("daemon-reload")
    results = {name: {"requests": 0, "failed": 0, "longest": 0.0} for name in VARIANTS}
    for number in range(len(VARIANTS)):
        systemctl("start", f"bench{number}.socket", f"bench{number}.service")
    for _ in range(restarts):
        for number, (name, variant) in enumerate(VARIANTS.items()):
            load = Load(variant["port"])
            with load:
                time.sleep(0.2)
                systemctl("restart", f"bench{number}.service")
                time.sleep(0.2)
            result = results[name]
            result["requests"] += load.requests
            result["failed"] += load.failed
            result["longest"] = max(result["longest"], load.longest)
    for number in range(len(VARIANTS)):
        systemctl("stop", f"bench{number}.service", f"bench{number}.socket")
    print(json.dumps(results))


main(int(sys.argv[1]))
