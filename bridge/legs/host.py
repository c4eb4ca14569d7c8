"""What a leg needs of the bridge that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from bridge.rtp import MediaSession
from bridge.sdp import LocalMedia

if TYPE_CHECKING:
    from bridge.legs.core import LegCore


class LegHost(Protocol):
    def now(self) -> float:
        """The clock of signalling, seconds."""

    def pump(self) -> None:
        """Everything that the user agent wants to send and tell. After each use of a Call."""

    def flush(self) -> None:
        """What is to be sent goes now, also in the middle of an event."""

    async def open_media(self) -> MediaSession:
        """Raises PortsExhausted or OSError."""

    def local_media(self, media: MediaSession) -> LocalMedia: ...

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs it to its end, which the bridge awaits before its own."""

    def left(self, leg: LegCore) -> None:
        """The leg has ended."""
