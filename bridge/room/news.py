"""A leg's facts on their way to the call's workflow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog

from bridge.legs import Ringing
from bridge.room.order import Teller
from contract.facts import FactKind
from contract.phone import LegReport

log = structlog.get_logger()

# Keys come ten a second; a signal costs a workflow four events in its history, and more in what
# follows from it. Its history ends somewhere, however long the far side flaps and presses.
_KEYS_TOGETHER = 0.5  # s
_PACES = ((30, 0.0), (200, 5.0))  # so many hold changes and handfuls of keys: s between tellings
_SLOWEST = 30.0  # s


class _Change(NamedTuple):
    kind: FactKind
    data: dict[str, Any]
    at: datetime


class News:
    """Nothing is told after the end. Each fact has its own time, however late it is told."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._loop = asyncio.get_running_loop()
        self._rang: Ringing | None = None
        self._keys = 0
        self._first_key_at = datetime.now(UTC)
        self._changes: list[_Change] = []
        self._counted = 0
        self._last = -_SLOWEST  # on the loop's clock
        self._due: asyncio.TimerHandle | None = None
        self._is_over = False

    def tell(self, kind: FactKind, data: dict[str, Any], at: datetime | None = None) -> None:
        if self._is_over:
            return
        try:
            self._teller.tell(kind, data, at or datetime.now(UTC))
        except Exception as error:  # whoever listens must not harm the call
            log.exception("fact_not_told", kind=kind.value, error=type(error).__name__)

    def ringing(self, ringing: Ringing) -> None:
        """Told once, and once more when the far side begins to play something: a 180 is repeated
        every few seconds."""
        if self._rang is None or (ringing.early_media and not self._rang.early_media):
            self._rang = ringing
            data = {"sip_status": ringing.status, "early_media": ringing.early_media}
            self.tell(FactKind.RINGING, data)

    def hold(self, kind: FactKind, data: dict[str, Any]) -> None:
        """At once, unless there were many: then several together, each with its own time."""
        self._counted += 1
        self._changes.append(_Change(kind, data, datetime.now(UTC)))
        wait = self._pause()
        if wait <= 0:
            self._flush()
        else:
            self._flush_in(wait)

    def key(self) -> None:
        if not self._keys:
            self._counted += 1
            self._first_key_at = datetime.now(UTC)
        self._keys += 1
        self._flush_in(max(_KEYS_TOGETHER, self._pause()))

    def ended(self, report: LegReport) -> None:
        self._flush()
        self.tell(FactKind.LEG_ENDED, report.to_data(), report.ended_at)
        self._is_over = True

    def _pause(self) -> float:
        """How long what is new must wait, in seconds."""
        pace = next((pace for most, pace in _PACES if self._counted <= most), _SLOWEST)
        return self._last + pace - self._loop.time()

    def _flush_in(self, wait: float) -> None:
        if self._due is None:
            self._due = self._loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._keys and not self._changes:
            return
        self._last = self._loop.time()
        if self._keys:
            self.tell(FactKind.DTMF, {"count": self._keys}, self._first_key_at)
            self._keys = 0
        for change in self._changes:
            self.tell(*change)
        self._changes.clear()
