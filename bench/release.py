"""The release build itself: its size stripped, and the libraries it needs."""

import pathlib
import re
import subprocess

from bench import Unmeasured
from table import OVER, WITHIN, Row

CHECK = pathlib.Path(__file__).parent.parent / ".ci" / "check-release"


def measure(bench):
    run = subprocess.run([CHECK, bench.vouch], capture_output=True, text=True)
    size = re.search(r"stripped size: (\d+) bytes, limit (\d+)", run.stdout)
    if not size:
        raise Unmeasured(f"release: {run.stderr.strip()}")
    mebibytes, limit = (int(number) / 2**20 for number in size.groups())
    libraries = re.findall(r"^needs (\S+?)\.so", run.stdout, re.MULTILINE)
    return [Row(
        "stripped binary", f"<= {limit:.0f} MiB, no Swift library",
        f"{mebibytes:.2f} MiB; {' '.join(libraries)}{' ' + run.stderr.strip()}".rstrip(),
        WITHIN if run.returncode == 0 else OVER, ".ci/check-release")]
