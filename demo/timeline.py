"""What the demo shows, told as it happens. Runs inside the private systemd."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
import time

PORT = 8080
UNIT = "legacy.service"
RESTARTS = 10
RELOADS = 10
CLIENTS = 4

begin = time.monotonic()


def tell(text):
    print(f"{time.monotonic() - begin:7.3f} s  {text}", flush=True)


def systemctl(*words):
    return subprocess.run(["systemctl", *words], capture_output=True, text=True).stdout


def shown(name):
    return systemctl("show", UNIT, "--value", f"--property={name}").strip()


def journal(pattern):
    lines = subprocess.run(
        ["journalctl", "--unit", UNIT, "--output=cat", "--no-pager"],
        capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if re.search(pattern, line)]


def ask():
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        text = answer.read().decode().strip()
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        return text.splitlines()[0]
    finally:
        connection.close()


def wait_until(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"the demo waited in vain until {what}")
        time.sleep(0.01)


def server_processes():
    """Every process of the unit but vouch itself."""
    main = int(shown("MainPID"))
    with open(f"/sys/fs/cgroup{shown('ControlGroup')}/cgroup.procs") as file:
        return [pid for pid in map(int, file) if pid != main]


def activation():
    systemctl("start", "legacy.socket")
    tell(f"systemd listens on port {PORT}; {UNIT} is {shown('ActiveState')}")
    sent = time.monotonic()
    answer = ask()
    tell(f"the first request activated it and was answered after "
         f"{(time.monotonic() - sent) * 1000:.0f} ms: {answer}")
    # The answer may be there before systemd has read READY=1.
    wait_until("it was ready", lambda: shown("ActiveState") == "active")
    started = journal("^started ")[-1]
    ready = journal("^ready after ")[-1]
    tell(f"vouch: {started}")
    tell(f"vouch: {ready}  -> READY=1, {UNIT} is {shown('ActiveState')}")


def hang():
    main = shown("MainPID")
    frozen = server_processes()
    for process in frozen:
        os.kill(process, signal.SIGSTOP)
    at = time.monotonic()
    tell(f"{len(frozen)} server processes are frozen (SIGSTOP): the server hangs")
    wait_until("the watchdog fired", lambda: journal("Watchdog"))
    tell(f"the watchdog fired after {time.monotonic() - at:.1f} s: {journal('Watchdog')[-1]}")
    wait_until("it was back", lambda: shown("ActiveState") == "active" and shown("MainPID") != main)
    tell(f"back and READY {time.monotonic() - at:.1f} s after the hang began: {ask()}")


class Load:
    """Clients that open a connection for each request, until told to stop."""

    def __init__(self):
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.requests = self.failed = 0
        self.worst = 0.0
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        end = time.monotonic() + 60
        while not self.stopped.is_set() and time.monotonic() < end:
            sent = time.monotonic()
            failed = 0
            try:
                ask()
            except Exception:
                failed = 1
            with self.lock:
                self.requests += 1
                self.failed += failed
                self.worst = max(self.worst, time.monotonic() - sent)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def restarts():
    load = Load()
    for _ in range(RESTARTS):
        systemctl("restart", UNIT)
    load.stop()
    tell(f"restarted {RESTARTS} times under load: {load.requests} requests, {load.failed} failed, "
         f"the longest wait {load.worst:.2f} s")
    return load.failed


def reloads():
    main = shown("MainPID")
    load = Load()
    for _ in range(RELOADS):
        if subprocess.run(["systemctl", "reload", UNIT]).returncode != 0:
            raise SystemExit("a reload failed")
    load.stop()
    tell(f"replaced {RELOADS} times under load (systemctl reload): {load.requests} requests, "
         f"{load.failed} failed, the longest wait {load.worst:.2f} s")
    if shown("MainPID") != main:
        raise SystemExit("the unit was restarted meanwhile")
    return load.failed


def idleness():
    wait_until("it was stopped", lambda: shown("ActiveState") == "inactive")
    tell(f"vouch: {journal('^idle for ')[-1]}; {UNIT} is inactive, systemd listens")
    sent = time.monotonic()
    answer = ask()
    tell(f"the next request started it and was answered after "
         f"{(time.monotonic() - sent) * 1000:.0f} ms: {answer}")
    wait_until("it was ready", lambda: shown("ActiveState") == "active")


for name in ("legacy.service", "legacy.socket"):
    shutil.copy(f"{os.path.dirname(__file__)}/{name}", "/etc/systemd/system")
systemctl("daemon-reload")
activation()
hang()
failed = restarts() + reloads()
idleness()
print("\n$ systemctl status legacy.service")
print(systemctl("status", UNIT, "--no-pager", "--lines=6"), flush=True)
systemctl("stop", UNIT, "legacy.socket")
raise SystemExit(1 if failed else 0)
