from __future__ import annotations

import asyncio

from livekit import rtc

from agents.audience import Listener, heard
from agents.our_hold import OurHold
from agents.subscriptions import REPEATS, SubscriptionChanger

# While somebody is held: what no event told, such as a phone that subscribes by itself.
_LOOKS_AGAIN = 3.0
_EVENTS = (
    "participant_connected",
    "track_published",
    "track_unpublished",
    "reconnected",
    "room_metadata_changed",  # of an agent that was replaced: the bridge looks whom to hear anew
)


class Isolation:
    """Takes the held human's subscriptions and those of others to them away, for as long as one of
    us holds, and gives back exactly those.

    Nothing is kept but what the room says: a successor finds the hold in `call.hold`, and what its
    predecessor took away in a hold that is over it gives back once.
    """

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        subscriptions: SubscriptionChanger,
        *,
        is_successor: bool,
    ) -> None:
        self._room = room
        self._identity = identity
        self._subscriptions = subscriptions
        self._hold = OurHold(room, identity, on_change=self._changed)
        self._owes_all = is_successor
        self._taken: dict[Listener, frozenset[str]] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        for event in _EVENTS:
            self._room.on(event, self._changed)  # type: ignore[arg-type]
        self._hold.start()
        if self._owes_all and not self._hold.holds:
            self._taken = heard(self._room, self._identity)
            self._changed()
        self._owes_all = False
        self._task = asyncio.create_task(self._enforce(), name="isolation")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._hold.close()
        for event in _EVENTS:
            self._room.off(event, self._changed)  # type: ignore[arg-type]

    def _changed(self, *_: object) -> None:
        self._news.set()

    async def _enforce(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            has_work = self._hold.holds or bool(self._taken)
            if has_work and await self._went_through():
                await self._look_again()

    async def _went_through(self) -> bool:
        """Everything, and again after each pause. False: something has changed meanwhile."""
        for pause in (*REPEATS, 0.0):
            self._news.clear()
            await (self._take() if self._hold.holds else self._give_back())
            if await self._is_told_within(pause):
                return False
        return True

    async def _look_again(self) -> None:
        if not self._hold.holds:
            self._taken.clear()
            return
        while not await self._is_told_within(_LOOKS_AGAIN):
            await self._take()

    async def _is_told_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _take(self) -> None:
        now = heard(self._room, self._identity)
        for listener, sids in now.items():
            self._taken[listener] = self._taken.get(listener, frozenset()) | sids
        await self._change(now, hears=False)

    async def _give_back(self) -> None:
        """To who is still there, of what is still there: nobody gets more than they had."""
        now = heard(self._room, self._identity)
        owed = {each: now.get(each, frozenset()) & sids for each, sids in self._taken.items()}
        await self._change(owed, hears=True)

    async def _change(self, what: dict[Listener, frozenset[str]], *, hears: bool) -> None:
        await asyncio.gather(
            *(
                self._subscriptions.change(listener.identity, sids, hears=hears)
                for listener, sids in what.items()
                if sids
            )
        )
