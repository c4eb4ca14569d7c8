"""Whether the phone still sends audio."""

from __future__ import annotations

import asyncio
import time

from bridge.rtp.packet import is_rtcp
from bridge.sdp import MediaAddress

_LOOK = 0.2


class MediaWatch:
    """Counts also while the far side holds: livekit-sip knows no hold."""

    def __init__(self, patience: float, first: float) -> None:
        """Seconds; `first`: with a phone that has not sent anything yet."""
        self._patience, self._first = patience, first
        self._heard_at: float | None = None

    def tap(self, sent: bool, data: bytes, _local: MediaAddress, _far: MediaAddress) -> None:
        if not sent and not is_rtcp(data):
            self._heard_at = time.monotonic()

    async def silence(self) -> None:
        """From the answer on; returns when it has lasted too long."""
        answered_at = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK)
            if self._heard_at is None:
                until = answered_at + self._first
            else:
                until = max(self._heard_at, answered_at) + self._patience
            if time.monotonic() > until:
                return
