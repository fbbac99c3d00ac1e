"""A few numbers that the bench and a program that it started both see, without a system call."""

import mmap
import os


class Board:
    """Times are in nanoseconds of CLOCK_REALTIME, as the kernel stamps datagrams with."""

    SLOTS = ["executed", "server", "serving", "answered"]

    def __init__(self, path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, 8 * len(self.SLOTS))
        self.numbers = memoryview(mmap.mmap(descriptor, 0)).cast("q")
        os.close(descriptor)

    def slot(self, name):
        return self.numbers[self.SLOTS.index(name)]

    def put(self, name, value):
        self.numbers[self.SLOTS.index(name)] = value

    executed = property(lambda self: self.slot("executed"))
    """When vouch was executed."""
    server = property(lambda self: self.slot("server"))
    """The server's pid."""
    serving = property(lambda self: self.slot("serving"))
    """Since when the server is able to answer."""
    answered = property(lambda self: self.slot("answered"))
    """How many requests it has answered."""
