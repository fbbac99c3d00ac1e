"""What every measurement is given, and how it starts programs."""

import ctypes
import os
import pathlib
import signal
import time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


class Unmeasured(Exception):
    """Why something could not be measured."""


class Bench:
    def __init__(self, vouch, room, quick):
        self.vouch = str(vouch)
        """The release build, stripped."""
        self.room = pathlib.Path(room)
        """A folder of the bench's own, removed at the end."""
        self.quick = quick

    def times(self, full, quick):
        return quick if self.quick else full


def spawn(command, environment, descriptors=(), output=None, before_exec=None):
    """Starts a program the way systemd does: a session of its own, its descriptors from 3 up.

    LISTEN_PID is the program's own, as it has to be. Nothing it prints is shown: standard output
    goes to `output`, or nowhere. It dies with the bench. `before_exec` is called in the new process
    as the very last thing before the exec.

    - Returns: its pid.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), **environment}
    pid = os.fork()
    if pid:
        return pid
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere if output is None else output, 1)
        os.dup2(nowhere, 2)
        # dup2 to itself would leave it closed at the exec; and 3 may be what 4 is to become.
        above = [os.dup(os.dup(descriptor)) for descriptor in descriptors]
        for place, descriptor in enumerate(above, start=3):
            os.dup2(descriptor, place) if descriptor != place else os.set_inheritable(place, True)
        if descriptors:
            environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors))}
        if before_exec:
            before_exec()
        os.execvpe(command[0], command, environment)
    finally:
        os._exit(127)


def end(pid):
    """Ends a program that `spawn` started; with SIGKILL where it does not go by itself."""
    os.kill(pid, signal.SIGTERM)
    patience = time.monotonic() + 5
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.monotonic() > patience:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return
        time.sleep(0.002)
