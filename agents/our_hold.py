"""Whether one of us holds the human: what `call.hold` says, of all but the far side."""

from __future__ import annotations

from collections.abc import Callable

from livekit import rtc

from contract.holds import Holder, HoldState
from contract.rooms import Attribute


class OurHold:
    """A participant without the attribute says nothing: a page that reloads has lost it, and is
    held until a higher number says that it is not (workflows.holds tells whoever was away)."""

    def __init__(self, room: rtc.Room, identity: str, *, on_change: Callable[[], None]) -> None:
        self._room = room
        self._identity = identity
        self._on_change = on_change
        self._state = HoldState(seq=-1)

    @property
    def holds(self) -> bool:
        return bool(self._state.holders - {Holder.REMOTE})

    def start(self) -> None:
        """`on_change` is called before this returns if somebody holds already."""
        self._room.on("participant_connected", self._read)
        self._room.on("participant_attributes_changed", self._changed)
        for participant in self._room.remote_participants.values():
            self._read(participant)

    def close(self) -> None:
        self._room.off("participant_attributes_changed", self._changed)
        self._room.off("participant_connected", self._read)

    def _changed(self, _: dict[str, str], participant: rtc.Participant) -> None:
        self._read(participant)

    def _read(self, participant: rtc.Participant) -> None:
        if participant.identity != self._identity:
            return
        state = HoldState.parse(participant.attributes.get(Attribute.CALL_HOLD, ""))
        if state is None or state.seq <= self._state.seq:
            return
        held, self._state = self.holds, state
        if self.holds != held:
            self._on_change()
