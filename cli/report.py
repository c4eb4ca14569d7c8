"""Checks, one line each: what `doctor` and `smoke` found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from rich.text import Text

from cli.screen import Screen, plain


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


_NAME_WIDTH = 24
_MARKS = {
    Verdict.OK: ("✓", "green"),
    Verdict.WARNING: ("!", "bold yellow"),
    Verdict.FAILED: ("✗", "bold red"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`next_step` says how to mend it, in the imperative; empty when all is well."""

    name: str
    verdict: Verdict
    detail: str = ""
    next_step: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class Report:
    screen: Screen
    checks: list[Check] = field(default_factory=list)

    def add(self, check: Check) -> Check:
        self.checks.append(check)
        if not self.screen.as_json:
            self._print(check)
        return check

    def ok(self, name: str, detail: str = "") -> Check:
        return self.add(Check(name=name, verdict=Verdict.OK, detail=detail))

    def warn(self, name: str, detail: str, next_step: str) -> Check:
        verdict = Verdict.WARNING
        return self.add(Check(name=name, verdict=verdict, detail=detail, next_step=next_step))

    def fail(self, name: str, detail: str, next_step: str = "") -> Check:
        verdict = Verdict.FAILED
        return self.add(Check(name=name, verdict=verdict, detail=detail, next_step=next_step))

    def heading(self, text: str) -> None:
        if not self.screen.as_json:
            self.screen.out.print(Text(text, style="bold"))

    def those(self, verdict: Verdict) -> list[Check]:
        return [check for check in self.checks if check.verdict is verdict]

    @property
    def is_well(self) -> bool:
        return all(check.verdict is Verdict.OK for check in self.checks)

    def as_document(self) -> dict[str, Any]:
        return {"ok": self.is_well, "checks": [asdict(check) for check in self.checks]}

    def _print(self, check: Check) -> None:
        mark, colour = _MARKS[check.verdict]
        detail = plain(check.detail)
        took = f"{check.seconds:.1f} s" if check.seconds is not None else ""
        gap = "  " if detail and took else ""
        self.screen.out.print(
            Text.assemble(
                ("  " + mark, colour),
                f" {plain(check.name).replace('_', ' '):<{_NAME_WIDTH}}",
                (f"  {detail}", "" if check.next_step else "dim"),
                (f"{gap}{took}", "dim"),
            ),
            soft_wrap=True,
        )
        if check.next_step:
            step = Text.assemble(("    → ", colour), plain(check.next_step))
            self.screen.out.print(step, soft_wrap=True)
