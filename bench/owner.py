"""What it costs to know that an answer is the child's own (rule 6).

Two vouches probe a server each at the same time, one with peer=child, which looks, and one with
peer=any, which does not; the difference of what their probes take is the look. Quick: the child alone
listens there. Careful: a stranger holds the listening socket as well, so that each connection's
owner is looked for.
"""

import contextlib
import statistics
import time

import proc
from service import Service
from table import NO_BUDGET, Row, spread, verdict

BUDGET = 100.0  # us
ROUNDS = 10


def look(bench, wide, shared):
    """The microseconds of the look in each round, and the probes of all rounds."""
    batch, differences, count = bench.times(400, 100), [], 0
    with contextlib.ExitStack() as started:
        services = [
            started.enter_context(Service(
                bench,
                ["--http", ("/" if shared else ":{port}/") + f" interval=2ms timeout=1s peer={peer}"],
                passed=shared, wide=wide, shared=shared))
            for peer in ("child", "any")]
        for service in services:
            service.wait_for_answers(100)
        for _ in range(ROUNDS):
            before = [(each.board.answered, proc.cpu_time_of_all(each.pid)) for each in services]
            for service, (answered, _) in zip(services, before):
                service.wait_for_answers(answered + batch, meanwhile=lambda: time.sleep(0.02))
            costs = []
            for service, (answered, cpu) in zip(services, before):
                probes = service.board.answered - answered
                count += probes
                costs.append((proc.cpu_time_of_all(service.pid) - cpu) / probes / 1000)
            differences.append(costs[0] - costs[1])
    return differences, count


def measure(bench):
    rows = []
    for shared in (False, True):
        for wide in (0, 990):
            differences, count = look(bench, wide, shared)
            how = "a stranger holds the socket too: /proc is read for each" if shared else "the child alone"
            rows.append(Row(
                f"{'careful' if shared else 'quick'} look whose answer, {wide + 10} descriptors: CPU",
                "" if shared else f"<= {BUDGET:.0f} us", spread(differences, "us", 0),
                NO_BUDGET if shared else verdict(statistics.median(differences), BUDGET),
                f"{how}; peer=child less peer=any, user + system, {count} probes"))
    return rows
