"""Rows of the result, and how figures are told."""

import dataclasses
import statistics

WITHIN, OVER, NO_BUDGET = "within", "over", "-"


@dataclasses.dataclass
class Row:
    what: str
    budget: str
    figure: str
    verdict: str
    how: str


def verdict(figure, budget):
    return WITHIN if figure <= budget else OVER


def spread(values, unit, digits=1):
    """The median with the least and the greatest: "1.2 ms (1.0-3.4)"."""
    median, least, most = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} {unit} ({least:.{digits}f}-{most:.{digits}f})"


def print_table(rows):
    lines = [("what", "budget", "figure", "verdict", "how")]
    lines += [dataclasses.astuple(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths)]
        print(" | ".join([*cells, line[4]]).rstrip())
