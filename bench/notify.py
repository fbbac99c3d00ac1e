"""The bench as the service manager: a notify socket (sd_notify(3)) whose datagrams the kernel
stamps with the time of their arrival."""

import socket
import struct
import time

from bench import Unmeasured

# <asm-generic/socket.h>; the stamp is a struct timespec.
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("ll")


class NotifySocket:
    made = 0

    def __init__(self, bench):
        NotifySocket.made += 1
        self.path = str(bench.room / f"notify.{NotifySocket.made}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self, patience):
        """The next datagram's lines and arrival (ns of CLOCK_REALTIME); None if there is none in
        `patience` seconds."""
        self.socket.settimeout(patience)
        try:
            text, ancillary, _, _ = self.socket.recvmsg(4096, 64)
        except (TimeoutError, BlockingIOError):
            return None
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = STAMP.unpack(data[:STAMP.size])
                return text.decode().split("\n"), seconds * 10**9 + nanoseconds
        raise Unmeasured("the kernel does not stamp datagrams")

    def arrival(self, line, patience=30.0):
        """When the first datagram with this line arrived; others are passed over."""
        limit = time.monotonic() + patience
        while (left := limit - time.monotonic()) > 0:
            received = self.receive(left)
            if received and line in received[0]:
                return received[1]
        raise Unmeasured(f"{line} did not come within {patience:.0f} s")

    def drain(self, seconds):
        """Takes what comes in that time; how many lines said WATCHDOG=1."""
        feeds, limit = 0, time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            received = self.receive(left)
            feeds += bool(received and "WATCHDOG=1" in received[0])
        return feeds
