"""What stays behind of many probes: descriptors and memory."""

import time

import proc
from bench import Unmeasured
from service import Service
from table import Row, verdict

WARM_UP = 2_000
BUDGET = 256  # KiB
CHECKS = 8
LIMIT = 240  # s


def descriptors_at_rest(pid):
    """Between probes there are least."""
    least = proc.descriptors(pid)
    for _ in range(100):
        time.sleep(0.001)
        least = min(least, proc.descriptors(pid))
    return least


def measure(bench):
    probes = bench.times(100_000, 10_000)
    options = []
    for number in range(CHECKS):
        options += ["--http", f":{{port}}/ name=check{number} interval=1ms timeout=1s"]
    with Service(bench, options) as service:
        service.wait_for_answers(WARM_UP)
        descriptors, memory = descriptors_at_rest(service.pid), proc.memory(service.pid)
        began = time.monotonic()
        reached = service.board.answered + probes
        try:
            service.wait_for_answers(reached, LIMIT, meanwhile=lambda: time.sleep(0.2))
        except Unmeasured as error:
            raise Unmeasured(f"growth: {error}")
        took = time.monotonic() - began
        more = descriptors_at_rest(service.pid) - descriptors
        grown = {name: size - memory[name] for name, size in proc.memory(service.pid).items()}
    how = (f"{CHECKS} checks, interval=1ms, {probes} probes in {took:.0f} s "
           f"after {WARM_UP} to warm up")
    return [
        Row(f"growth over {probes} probes: descriptors", "0", str(more), verdict(more, 0),
            f"/proc/PID/fd; {how}"),
        Row(f"growth over {probes} probes: memory", f"<= {BUDGET} KiB",
            f"{grown['Anonymous']} KiB anonymous, {grown['Rss']} KiB rss",
            verdict(max(grown["Anonymous"], grown["Private_Dirty"]), BUDGET),
            f"/proc/PID/smaps_rollup; {how}"),
    ]
