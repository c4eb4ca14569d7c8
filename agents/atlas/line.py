"""What the human's participant says of the line: whether it is answered, and who holds it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from livekit import rtc

from contract.holds import HoldState
from contract.rooms import Attribute, PhoneState, Topic

log = logging.getLogger(__name__)

_ANSWERED = {PhoneState.ANSWERED.value, PhoneState.HELD.value}
_HOLD_TOPICS = {Topic.CALL_HOLD.value, Topic.CALL_RESUME.value}


class Line:
    """Reads the attributes, which whoever comes late finds as well, and hears the topics, which
    are quicker. The same news by both ways is for the listeners to see through."""

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        *,
        on_answered: Callable[[], None],
        on_hold: Callable[[int, bool], None],
    ) -> None:
        self._room = room
        self._identity = identity
        self._on_answered = on_answered
        self._on_hold = on_hold
        self._has_complained = False

    def start(self) -> None:
        self._room.on("participant_connected", self._read)
        self._room.on("participant_attributes_changed", self._changed)
        self._room.on("data_received", self._heard)
        for participant in self._room.remote_participants.values():
            self._read(participant)

    async def aclose(self) -> None:
        self._room.off("data_received", self._heard)
        self._room.off("participant_attributes_changed", self._changed)
        self._room.off("participant_connected", self._read)

    def _changed(self, _: dict[str, str], participant: rtc.Participant) -> None:
        self._read(participant)

    def _read(self, participant: rtc.Participant) -> None:
        if participant.identity != self._identity:
            return
        # The hold first: who comes late into a held call must not begin with the greeting.
        self._take_hold(participant.attributes.get(Attribute.CALL_HOLD, ""))
        if participant.attributes.get(Attribute.CALL_STATE) in _ANSWERED:
            self._on_answered()

    def _heard(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant
        # Only a phone's bridge tells these. A browser could name any number, and with a high one
        # it would shut out everybody else's holds.
        if (
            sender is None
            or sender.identity != self._identity
            or sender.kind != rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        ):
            return
        if packet.topic == Topic.CALL_ANSWERED:
            self._on_answered()
        elif packet.topic in _HOLD_TOPICS:
            self._take_hold(packet.data.decode(errors="replace"))

    def _take_hold(self, text: str) -> None:
        state = HoldState.parse(text)
        if state is not None:
            self._on_hold(state.seq, state.is_held)
        elif text and not self._has_complained:
            self._has_complained = True
            log.warning("a hold state cannot be read", extra={"length": len(text)})
