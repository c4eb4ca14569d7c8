"""A leg's facts on their way to the call's workflow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog

from bridge.legs import Ringing
from bridge.room.order import Teller
from contract.facts import FactKind
from contract.phone import LegReport

log = structlog.get_logger()

# Keys come ten a second; a signal costs a workflow four events in its history.
_KEYS_TOGETHER = 0.5  # s


class News:
    """Nothing is told after the end."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._rang: Ringing | None = None
        self._keys = 0
        self._first_key_at: datetime | None = None
        self._keys_due: asyncio.TimerHandle | None = None
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

    def key(self) -> None:
        self._keys += 1
        if self._keys_due is None:
            self._first_key_at = datetime.now(UTC)
            self._keys_due = asyncio.get_running_loop().call_later(_KEYS_TOGETHER, self._tell_keys)

    def ended(self, report: LegReport) -> None:
        self._tell_keys()
        self.tell(FactKind.LEG_ENDED, report.to_data(), report.ended_at)
        self._is_over = True

    def _tell_keys(self) -> None:
        if self._keys_due is not None:
            self._keys_due.cancel()
            self._keys_due = None
        if self._keys:
            self.tell(FactKind.DTMF, {"count": self._keys}, self._first_key_at)
            self._keys = 0
