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


def look(bench, wide, passed, shared=False):
    """The microseconds of the look in each round, and the probes of all rounds."""
    batch, differences, count = bench.times(400, 100), [], 0
    with contextlib.ExitStack() as started:
        services = [
            started.enter_context(Service(
                bench,
                ["--http", ("/" if passed else ":{port}/") + f" interval=2ms timeout=1s peer={peer}"],
                passed=passed, wide=wide, shared=shared))
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


KINDS = [
    ("quick look, own port", "the child alone listens there", {"passed": False}),
    ("quick look, passed socket", "the child alone has it", {"passed": True}),
    ("careful look", "a stranger has the socket too", {"passed": True, "shared": True}),
]


def measure(bench):
    rows = []
    for kind, how, setting in KINDS:
        quick = "shared" not in setting
        for wide in (0, 990):
            differences, count = look(bench, wide, **setting)
            rows.append(Row(
                f"whose answer: {kind}, {wide + 10} descriptors: CPU",
                f"<= {BUDGET:.0f} us" if quick else "", spread(differences, "us", 0),
                verdict(statistics.median(differences), BUDGET) if quick else NO_BUDGET,
                f"{how}; peer=child less peer=any, user + system, {count} probes"))
    return rows
