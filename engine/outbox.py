"""Facts on their way to a call's workflow: in order, each kept until Temporal acknowledged it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contract.facts import Fact, FactKind, FactSource

log = logging.getLogger(__name__)

# LiveKit's webhooks tell these as well, so a flood of them may lose its oldest. Every other fact
# is a milestone of the call: at most a handful of each, none is ever dropped.
DROPPABLE = frozenset({FactKind.PARTICIPANT_JOINED, FactKind.PARTICIPANT_LEFT})

# What came together is told together: a signal costs a workflow four events in its history.
_BATCH = 20

Deliver = Callable[[Sequence[Fact]], Awaitable[None]]
"""Returns once all are acknowledged (or nobody can want them any more), raises to be retried."""


@dataclass(eq=False)
class _Entry:
    fact: Fact
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


class FactOutbox:
    def __init__(
        self,
        deliver: Deliver,
        *,
        source: FactSource,
        generation: int,
        limit: int = 200,
        first_backoff: float = 0.1,
        longest_backoff: float = 2.0,
        interval: float = 0.0,
    ) -> None:
        """`interval`: seconds from one delivery to the next; floods then go together."""
        self._deliver = deliver
        self._source = source
        self._generation = generation
        self._limit = limit
        self._first_backoff = first_backoff
        self._longest_backoff = longest_backoff
        self._interval = interval
        self._entries: deque[_Entry] = deque()
        self._by_seq: dict[int, _Entry] = {}
        self._seq = 0
        self._on_the_wire = 0
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sender = asyncio.create_task(self._send(), name="fact_outbox")

    async def aclose(self, deadline: float = 3.0) -> None:
        """Send what is left, for at most `deadline` seconds."""
        if self._sender is None:
            return
        try:
            await asyncio.wait_for(self._empty.wait(), deadline)
        except TimeoutError:
            log.warning("facts were not acknowledged", extra={"count": len(self._entries)})
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)
        self._sender = None

    def post(
        self, kind: FactKind, data: dict[str, Any] | None = None, at: datetime | None = None
    ) -> Fact:
        """`at`: when it happened, if that is not now."""
        self._seq += 1
        fact = Fact(
            # Not the participant's identity: livekit-sip puts the phone number there.
            id=f"{self._source}-{self._generation}-{self._seq}",
            source=self._source,
            kind=kind,
            at=at or datetime.now(UTC),
            generation=self._generation,
            seq=self._seq,
            data=data or {},
        )
        self._make_room()
        entry = _Entry(fact)
        self._entries.append(entry)
        self._by_seq[fact.seq] = entry
        self._empty.clear()
        self._wake.set()
        return fact

    async def acknowledged(self, fact: Fact) -> None:
        entry = self._by_seq.get(fact.seq)
        if entry is not None:
            await entry.acknowledged.wait()

    async def emptied(self) -> None:
        """Returns once every fact so far is acknowledged."""
        await self._empty.wait()

    @property
    def waiting(self) -> int:
        return len(self._entries)

    def _make_room(self) -> None:
        if len(self._entries) < self._limit:
            return
        for entry in list(self._entries)[self._on_the_wire :]:
            if entry.fact.kind in DROPPABLE:
                log.warning("the outbox is full", extra={"fact": entry.fact.id})
                self._entries.remove(entry)
                self._settle(entry)
                return

    async def _send(self) -> None:
        backoff = self._first_backoff
        while True:
            if not self._entries:
                self._empty.set()
                self._wake.clear()
                await self._wake.wait()
            batch = list(self._entries)[:_BATCH]
            self._on_the_wire = len(batch)
            try:
                await self._deliver([entry.fact for entry in batch])
            except Exception as failed:
                log.warning(
                    "facts could not be told; trying again",
                    extra={"fact": batch[0].fact.id, "error": type(failed).__name__},
                )
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, self._longest_backoff)
                continue
            finally:
                self._on_the_wire = 0
            backoff = self._first_backoff
            for entry in batch:
                self._entries.popleft()
                self._settle(entry)
            if not self._entries:
                self._empty.set()
            await asyncio.sleep(self._interval)

    def _settle(self, entry: _Entry) -> None:
        self._by_seq.pop(entry.fact.seq, None)
        entry.acknowledged.set()
