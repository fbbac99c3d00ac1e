"""vouch with the bench's server as its child, started and ended."""

import os
import pathlib
import socket
import sys
import time

from bench import Unmeasured, end, spawn
from board import Board

SERVER = pathlib.Path(__file__).with_name("server.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`with Service(...) as service:`; the end of the block ends it.

    `options` are vouch's, with {port} for the port of the server. `start` is how long the server
    takes before it serves, in seconds. `passed` passes the socket in place of a port of its own.
    `notify` is a NotifySocket, and `watchdog` a WATCHDOG_USEC. `wide` is how many further descriptors
    the server has open. With `shared` a stranger holds the passed socket, too, and does nothing.
    """

    made = 0

    def __init__(self, bench, options, start=0.0, passed=False, notify=None, watchdog=None,
                 wide=0, shared=False):
        Service.made += 1
        file = bench.room / f"board.{Service.made}"
        self.board = Board(file)
        self.port = free_port()
        environment = {"NOTIFY_SOCKET": notify.path} if notify else {}
        if watchdog:
            environment["WATCHDOG_USEC"] = str(watchdog)
        server = [sys.executable, "-B", "-E", "-s", "-S", str(SERVER)]
        self.command = [
            bench.vouch, *(option.format(port=self.port) for option in options), "--",
            *server, str(file), str(start), str(self.port),
            str(wide)]
        listener = socket.create_server(("127.0.0.1", 0), backlog=128) if passed else None
        self.pid = spawn(
            self.command, environment, listener=listener.fileno() if listener else None,
            before_exec=lambda: self.board.put("executed", time.time_ns()))
        self.stranger = spawn(
            ["sleep", "600"], {}, listener=listener.fileno()) if shared else None
        if listener:
            listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            end(self.pid)
        if self.stranger:
            end(self.stranger)

    def wait_for_answers(self, count, patience=30.0, meanwhile=lambda: time.sleep(0.002)):
        """Returns once the server has answered that many requests, `meanwhile` over and over."""
        limit = time.monotonic() + patience
        while self.board.answered < count:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                self.pid = None
                options = self.command[1:self.command.index("--")]
                raise Unmeasured(f"vouch {' '.join(options)[:60]} ended by itself")
            if time.monotonic() > limit:
                raise Unmeasured(
                    f"{self.board.answered} of {count} probes within {patience:.0f} s")
            meanwhile()
