"""What the kernel tells of a process (proc(5))."""

import os
import pathlib
import time


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid):
    """/proc/PID/smaps_rollup in KiB: Rss, Pss, Private_Dirty, Anonymous, ..."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}


def cpu_time(pid):
    """User and system time of all threads so far, in nanoseconds.

    From schedstat: /proc/PID/stat counts in ticks of 10 ms.
    """
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def cpu_time_of_all(pid):
    """The same, the threads that have ended included: the process's CPU clock, as
    clock_getcpuclockid(3) gives it."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def switches(pid):
    """How often a thread of it was given a CPU so far, for whatever reason."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            name, _, count = line.partition(":")
            if name in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"):
                total += int(count)
    return total
