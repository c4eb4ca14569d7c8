"""docs/benchmarks.md, and the same table for the terminal."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table as RichTable

from tests.bench.bench import Bench
from tests.bench.figures import UNJUDGED, Figure, Measured, Table
from tests.bench.machine import Machine

_HEADINGS = ("figure", "unit", "n", "failed", "p50", "p95", "p99", "max", "budget", "verdict")
_SHOWN_FAILURES = 5


@dataclass(slots=True)
class Report:
    machine: Machine
    scale: float
    figures: list[Figure] = field(default_factory=list)
    bench: Bench | None = None  # None while no figure needed the stack with its agents


def markdown(report: Report) -> str:
    machine, figures = report.machine, report.figures
    judged = [row for figure in figures for row in figure.rows if row.verdict != UNJUDGED]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`tests/bench/`, one file a figure); do not edit. Every figure is "
        "of a whole stack on one machine: real Temporal, real LiveKit (but for the figures that "
        "say otherwise), the stand-ins for the AI vendors, and the callers and clients themselves.",
        "",
        f"- Measured {machine.at:%Y-%m-%d %H:%M} UTC at commit {machine.commit}, "
        f"sample sizes × {report.scale:g}",
        f"- Machine: {machine.line}",
        f"- Load average before: {machine.load:.1f}" + _warning(machine) + f"; after: "
        f"{os.getloadavg()[0]:.1f}",
        f"- Versions: {machine.versions}",
        *_unrest(report.bench),
        "",
        "Percentiles are nearest ranks: with n samples, p99 of n < 100 is the maximum. Failed "
        "tries are counted, shown, and make a budget missed.",
        "",
        "## Budgets",
        "",
        *_table(_HEADINGS, [_row(row) for row in judged]),
    ]
    for figure in figures:
        lines += ["", f"## {figure.title}", "", figure.method, ""]
        lines += _table(_HEADINGS, [_row(row) for row in figure.rows])
        for note in figure.notes:
            lines += ["", f"- {note}"] if note is figure.notes[0] else [f"- {note}"]
        lines += _failures(figure)
        for table in figure.tables:
            lines += ["", f"**{table.title}**", "", *_table(table.headings, table.rows)]
    return "\n".join(lines) + "\n"


def for_terminal(figure: Figure) -> list[RichTable]:
    own = Table(figure.title, _HEADINGS, [_row(row) for row in figure.rows])
    return [_rich(table) for table in (own, *figure.tables)]


def _unrest(bench: Bench | None) -> list[str]:
    if bench is None:
        return []
    return [
        f"- Times that the agents did not become quiet within 30 s before a sample: "
        f"{bench.unsettled}; calls of the warm-up that failed: {bench.failed_warm_ups}"
    ]


def _warning(machine: Machine) -> str:
    return "" if machine.is_quiet else " (**not a quiet machine**: times are upper bounds)"


def _row(row: Measured) -> tuple[str, ...]:
    return (
        row.name,
        row.unit,
        str(len(row.values)),
        str(len(row.failures)),
        *(_number(row.percentile(percent)) for percent in (50, 95, 99, 100)),
        str(row.budget or UNJUDGED),
        row.verdict,
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return UNJUDGED
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def _failures(figure: Figure) -> list[str]:
    lines: list[str] = []
    for row in figure.rows:
        told = [f"- {row.name}: {failure}" for failure in row.failures[:_SHOWN_FAILURES]]
        if len(row.failures) > _SHOWN_FAILURES:
            told.append(f"- {row.name}: and {len(row.failures) - _SHOWN_FAILURES} more")
        lines += told
    return ["", "Failed:", "", *lines] if lines else []


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for number, heading in enumerate(table.headings):
        shown.add_column(heading, justify="left" if number == 0 else "right")
    for row in table.rows:
        shown.add_row(*(cell.replace("**", "") for cell in row))
    return shown
