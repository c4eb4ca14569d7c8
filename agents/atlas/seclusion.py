"""While one of us holds, the human cannot hear Atlas, whatever anybody subscribes to."""

from __future__ import annotations

from livekit import rtc

from agents.our_hold import OurHold


class Seclusion:
    """The guarantee behind Media Bot's isolation: LiveKit keeps a publisher's denial through new
    tracks and through a human who comes in again, where a subscription once taken away is lost
    (livekit_measured.md section 1 f). Not the fast edge: Atlas' own silence is.

    It is a list of those who may, so who comes in later is added.
    """

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self._room = room
        self._identity = identity
        self._hold = OurHold(room, identity, on_change=self._apply)
        self._denies = False

    def start(self) -> None:
        """Before the first track is published: it would be heard for a moment."""
        self._room.on("participant_connected", self._somebody_came)
        self._room.on("reconnected", self._apply)
        self._hold.start()

    async def aclose(self) -> None:
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
        self._denies = denies
        others = [each for each in self._room.remote_participants if each != self._identity]
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=not denies,
            participant_permissions=[
                rtc.ParticipantTrackPermission(participant_identity=each, allow_all=True)
                for each in others
                if denies
            ],
        )
