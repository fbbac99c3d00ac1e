"""The child of the measurements: a web server of as few instructions as possible.

server.py BOARD START PORT [WIDE]: serves on the socket that was passed, or else on 127.0.0.1:PORT, START
seconds after it was started, with WIDE further descriptors open.
"""

import os
import socket
import sys
import time

from board import Board

began = time.monotonic()
board = Board(sys.argv[1])
start, port = float(sys.argv[2]), int(sys.argv[3])
answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
wide = [os.dup(2) for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 0)]
numbers, answered = board.numbers, Board.SLOTS.index("answered")
board.put("server", os.getpid())

time.sleep(max(0, start - (time.monotonic() - began)))
if os.environ.get("LISTEN_PID") == str(os.getpid()):
    listener = socket.socket(fileno=3)
    listener.setblocking(True)
    board.put("serving", time.time_ns())
else:
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    board.put("serving", time.time_ns())

while True:
    connection, _ = listener.accept()
    try:
        connection.recv(4096)
        connection.sendall(answer)
    except OSError:
        pass  # The client is gone: vouch closes what took too long.
    connection.close()
    numbers[answered] += 1
