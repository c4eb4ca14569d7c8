"""Many recordings retried in one request: a few at a time, for as long as a client waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.recordings.refusals import RetryRefused
from api.recordings.retrying import RetryGoesOn
from api.recordings.schemas import RetryOutcome, RetryRead
from api.recordings.service import CallRetry
from contract.errors import Unavailable
from contract.recordings import RecordingRetry

# Each retry may move a file of an hour from one storage to another.
AT_ONCE = 4
# Usual clients give up after 30 s; what was not begun by then is left for their next request.
SECONDS = 15.0


@dataclass(slots=True)
class Batch:
    """`told` is about the first ones, in order; those behind them were not begun."""

    wanted: Sequence[CallRetry]
    retry: RecordingRetry
    update_id: str | None
    seconds: float
    _told: dict[int, RetryRead] = field(default_factory=dict)
    _begun: int = 0
    _trouble: Unavailable | None = None

    async def run(self) -> list[RetryRead]:
        """Raises Unavailable when not one of them could be retried for that."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._work(deadline))
        except ExceptionGroup as errors:  # the store's, of which one is answered
            raise errors.exceptions[0] from None
        told = [self._told[position] for position in range(self._begun)]
        if self._trouble and all(one.outcome is RetryOutcome.UNAVAILABLE for one in told):
            raise self._trouble
        return told

    async def _work(self, deadline: float) -> None:
        now = asyncio.get_running_loop().time
        while self._begun < len(self.wanted) and not self._trouble:
            if self._begun >= AT_ONCE and now() >= deadline:
                return  # the first ones are begun however impatient the client is
            position, self._begun = self._begun, self._begun + 1
            patience = max(0.0, deadline - now())
            self._told[position] = await self._retry(self.wanted[position], patience)

    async def _retry(self, one: CallRetry, patience: float) -> RetryRead:
        try:
            return one.read(await one.retry(self.retry, self.update_id, patience))
        except RetryGoesOn as goes_on:
            return await one.read_later(goes_on)
        except RetryRefused as no:
            return await one.read_now(RetryOutcome.REFUSED, str(no))
        except Unavailable as trouble:
            self._trouble = trouble
            return await one.read_now(RetryOutcome.UNAVAILABLE, str(trouble))
