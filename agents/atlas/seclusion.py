"""While one of us holds, the human cannot hear Atlas, whatever anybody subscribes to."""

from __future__ import annotations

import asyncio

from livekit import rtc

from agents.audience import heard
from agents.our_hold import OurHold
from agents.subscriptions import REPEATS, SubscriptionChanger


class Seclusion:
    """The guarantee behind Media Bot's isolation: LiveKit keeps a publisher's denial through new
    tracks and through a human who comes in again, where a subscription once taken away is lost
    (livekit_measured.md section 1 f). Not the fast edge: Atlas' own silence is.

    It is a list of those who may, so who comes in later is added.

    At the end of a hold it also gives back what Media Bot took away, as that one does, too: it may
    be gone, and without it the call goes on.
    """

    def __init__(self, room: rtc.Room, identity: str, subscriptions: SubscriptionChanger) -> None:
        self._room = room
        self._identity = identity
        self._subscriptions = subscriptions
        self._giving_back: asyncio.Task[None] | None = None
        self._hold = OurHold(room, identity, on_change=self._apply)
        self._denies = False

    def start(self) -> None:
        """Before the first track is published: it would be heard for a moment."""
        self._room.on("participant_connected", self._somebody_came)
        self._room.on("reconnected", self._apply)
        self._hold.start()

    async def aclose(self) -> None:
        await self._stop_giving_back()
        self._hold.close()
        self._room.off("reconnected", self._apply)
        self._room.off("participant_connected", self._somebody_came)

    def _somebody_came(self, _: rtc.RemoteParticipant) -> None:
        if self._denies:
            self._apply()

    def _apply(self) -> None:
        denies = self._hold.holds
        if not denies and not self._denies:
            return  # nothing was ever denied, and that is how rooms begin
        was_denied, self._denies = self._denies, denies
        if self._giving_back is not None:
            self._giving_back.cancel()
        if was_denied and not denies:
            self._giving_back = asyncio.create_task(self._give_back(), name="give_back")
        others = [each for each in self._room.remote_participants if each != self._identity]
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=not denies,
            participant_permissions=[
                rtc.ParticipantTrackPermission(participant_identity=each, allow_all=True)
                for each in others
                if denies
            ],
        )

    async def _give_back(self) -> None:
        for pause in (0.0, *REPEATS):
            await asyncio.sleep(pause)
            owed = {each.identity: sids for each, sids in heard(self._room, self._identity).items()}
            own = frozenset(self._room.local_participant.track_publications)
            owed[self._identity] = owed.get(self._identity, frozenset()) | own
            for identity, sids in owed.items():
                if sids:
                    await self._subscriptions.change(identity, sids, hears=True)

    async def _stop_giving_back(self) -> None:
        if self._giving_back is not None:
            self._giving_back.cancel()
            await asyncio.gather(self._giving_back, return_exceptions=True)
