"""How long a session may last and how many there may be: tests set less than OpenAI does."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field


class AskedLimits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_seconds: float | None = Field(default=None, gt=0)
    max_sessions: int | None = Field(default=None, ge=0)


@dataclass(eq=False)
class Limits:
    """How long a session may last, and how many there may be. OpenAI's: 60 minutes."""

    max_seconds: float = 3600.0
    max_sessions: int | None = None
    open_sessions: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, asked: AskedLimits) -> None:
        self.max_seconds = asked.max_seconds or Limits.max_seconds
        self.max_sessions = asked.max_sessions
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def expired(self, since: float) -> None:
        """Return when a session that began then (monotonic seconds) has lasted too long."""
        while (left := since + self.max_seconds - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def shown(self) -> dict[str, object]:
        return {
            "max_seconds": self.max_seconds,
            "max_sessions": self.max_sessions,
            "open_sessions": self.open_sessions,
        }
