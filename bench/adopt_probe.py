"""adopt_probe.py WHAT PORT COUNT: measures in a process under vouch, and prints a number a line.

bind: nanoseconds of a bind(2) to 127.0.0.1:PORT, COUNT times anew. foreign: of one to a port that the
kernel chooses. getppid: nanoseconds of a getppid(2), each the mean of many.
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


def getppid():
    call = os.getppid
    began = time.perf_counter_ns()
    for _ in range(LOOP):
        call()
    return (time.perf_counter_ns() - began) // LOOP


what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
measures = {"bind": lambda: bind(port), "foreign": lambda: bind(0), "getppid": getppid}
print("\n".join(str(measures[what]()) for _ in range(count)))
