"""adopt_probe.py WHAT PORT COUNT [FOLDER]: measures in a process under vouch, and prints a number a line.

bind: nanoseconds of a bind(2) to 127.0.0.1:PORT, COUNT times anew. foreign: of one to a port that the
kernel chooses. unlink: of one of a file in FOLDER. shutdown: of one of both sides of a connection.
getppid: nanoseconds of a getppid(2), each the mean of many.
"""

import os
import socket
import sys
import time

LOOP = 20_000


def bind(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        began = time.perf_counter_ns()
        listener.bind(("127.0.0.1", port))
        return time.perf_counter_ns() - began


def unlink(folder):
    path = folder + "/file"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    began = time.perf_counter_ns()
    os.unlink(path)
    return time.perf_counter_ns() - began


def shutdown():
    mine, other = socket.socketpair()
    with mine, other:
        began = time.perf_counter_ns()
        mine.shutdown(socket.SHUT_RDWR)
        return time.perf_counter_ns() - began


def getppid():
    call = os.getppid
    began = time.perf_counter_ns()
    for _ in range(LOOP):
        call()
    return (time.perf_counter_ns() - began) // LOOP


what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
folder = sys.argv[4] if len(sys.argv) > 4 else None
measures = {
    "bind": lambda: bind(port), "foreign": lambda: bind(0), "unlink": lambda: unlink(folder),
    "shutdown": shutdown, "getppid": getppid}
print("\n".join(str(measures[what]()) for _ in range(count)))
