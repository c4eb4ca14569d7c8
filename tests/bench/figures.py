"""What a figure is: samples, failures, a budget, and the verdict that follows from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

MET, MISSED, UNJUDGED = "met", "**not met**", "–"


@dataclass(frozen=True, slots=True)
class Budget:
    percentile: float  # 100 = the largest of all
    limit: float

    def __str__(self) -> str:
        name = "max" if self.percentile == 100 else f"p{self.percentile:g}"
        return f"{name} ≤ {self.limit:g}"


@dataclass(slots=True)
class Measured:
    """One row: every sample that was taken, and every try that failed, in words."""

    name: str
    unit: str = "ms"
    budget: Budget | None = None
    values: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    def fail(self, error: object) -> None:
        kind = "" if isinstance(error, str) else f"{type(error).__name__}: "
        self.failures.append(" ".join(f"{kind}{error}".split())[:200])

    def percentile(self, percent: float) -> float:
        """The nearest rank: always a sample that was really seen."""
        if not self.values:
            return math.nan
        ordered = sorted(self.values)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    @property
    def verdict(self) -> str:
        """A try that failed is a budget missed, however fast the others were."""
        if self.budget is None:
            return UNJUDGED
        if not self.values:
            return f"{MISSED} (nothing measured)"
        inside = self.percentile(self.budget.percentile) <= self.budget.limit
        if inside and self.failures:
            return f"{MISSED} ({len(self.failures)} failed)"
        return MET if inside else MISSED


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(slots=True)
class Figure:
    title: str
    method: str
    rows: list[Measured] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, name: str, *, unit: str = "ms", budget: Budget | None = None) -> Measured:
        measured = Measured(name, unit, budget)
        self.rows.append(measured)
        return measured


def steps_table(title: str, moments: Sequence[dict[str, float]]) -> Table:
    """Where the time went: median moments (ms) of a chain of steps, and median lengths of each.

    A step that one sample lacks is left out of that sample only.
    """
    names = list(dict.fromkeys(name for one in moments for name in one))
    lengths: dict[str, list[float]] = {name: [] for name in names}
    for one in moments:
        last: float | None = None
        for name in names:
            if name in one:
                lengths[name].append(one[name] - (one[name] if last is None else last))
                last = one[name]
    rows = [
        (
            name,
            f"{statistics.median(one[name] for one in moments if name in one):.0f}",
            f"{statistics.median(lengths[name]):.0f}",
            f"{max(lengths[name]):.0f}",
            str(len(lengths[name])),
        )
        for name in names
    ]
    return Table(
        title, ("step", "reached after, p50 ms", "took, p50 ms", "took, max ms", "n"), rows
    )
