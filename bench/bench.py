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


def spawn(command, environment, listener=None, output=None, before_exec=None):
    """Starts a program the way systemd does: in a session of its own, with `listener` (a
    descriptor) passed as 3, and LISTEN_PID its own pid.

    Nothing it prints is shown: standard output goes to `output`, or nowhere. It dies with the
    bench. `before_exec` is called in the new process as the very last thing before the exec.

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
        if listener is not None:
            os.dup2(listener, 3)
            # Where it was 3 already, dup2 has changed nothing.
            os.set_inheritable(3, True)
            environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
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
