"""What was said, on its way to the record: batches to the API's internal endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import aiohttp

from contract.identity import agent_identity
from contract.rooms import JobMetadata

log = logging.getLogger(__name__)

_BATCH = 100  # the most that the endpoint takes at once
_LIMIT = 5_000  # turns kept while the API is away; hours of talk
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_FINAL = {400, 401, 403, 404, 409, 413, 422}  # trying again cannot change these


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    speaker: str
    """caller, assistant, human or human-<n>; never an identity, which may be a phone number."""
    text: str
    start: datetime
    end: datetime
    language: str | None = None
    sentiment: dict[str, Any] | None = None
    reason: str | None = None
    """Why there is no sentiment, if it was looked for."""
    is_typed: bool = False
    """Of a caller who wrote it, so that nobody can have heard it. Not told."""


class TurnPoster:
    """Posts turns in order, a repeat changes nothing: each has its (source, source_seq)."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        call_token: str,
        source: str,
        first_backoff: float = 0.2,
        longest_backoff: float = 5.0,
    ) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {call_token}"}
        self._source = source
        self._first_backoff = first_backoff
        self._longest_backoff = longest_backoff
        self._seq = 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_LIMIT)
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of_job(cls, session: aiohttp.ClientSession, api_url: str, job: JobMetadata) -> Self:
        return cls(
            session,
            url=f"{api_url.rstrip('/')}/internal/calls/{job.call_id}/turns",
            call_token=job.call_token,
            source=agent_identity(job.role, job.generation),
        )

    def start(self) -> None:
        self._task = asyncio.create_task(self._post_all(), name="turn_poster")

    async def aclose(self, deadline: float = 3.0) -> None:
        """Post what is left, for at most `deadline` seconds."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._empty.wait(), deadline)
        except TimeoutError:
            log.warning("turns did not reach the record", extra={"count": len(self._waiting)})
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def add(self, turn: Turn) -> None:
        self._seq += 1
        self._waiting.append(
            {
                "source": self._source,
                "source_seq": self._seq,
                "speaker": turn.speaker,
                "text": turn.text,
                "language": turn.language,
                "start": turn.start.isoformat(),
                "end": turn.end.isoformat(),
                "sentiment": turn.sentiment,
                "reason": turn.reason,
            }
        )
        self._empty.clear()
        self._wake.set()

    async def _post_all(self) -> None:
        backoff = self._first_backoff
        while True:
            if not self._waiting:
                self._empty.set()
                self._wake.clear()
                await self._wake.wait()
            batch = list(self._waiting)[:_BATCH]
            if await self._post(batch):
                backoff = self._first_backoff
                posted = {turn["source_seq"] for turn in batch}
                # By number, not by count: a full queue may have dropped its oldest meanwhile.
                while self._waiting and self._waiting[0]["source_seq"] in posted:
                    self._waiting.popleft()
                continue
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, self._longest_backoff)

    async def _post(self, batch: list[dict[str, Any]]) -> bool:
        """True when the batch is done with: taken, or refused for good."""
        try:
            async with self._session.post(
                self._url, json={"turns": batch}, headers=self._headers, timeout=_TIMEOUT
            ) as answer:
                if answer.status in _FINAL:
                    log.error(
                        "the record refused turns",
                        extra={"status": answer.status, "count": len(batch)},
                    )
                    return True
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError) as failed:
            log.warning("the record is away", extra={"error": type(failed).__name__})
            return False
