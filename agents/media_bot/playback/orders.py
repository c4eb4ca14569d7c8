"""What the human's participant says that is to be played: the attributes `media.*`."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livekit import rtc

from contract.rooms import Attribute, MediaCommand, MediaPurpose

log = logging.getLogger(__name__)

_REMEMBERED = 100
_LONGEST_ID = 128
_TRUTHS = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOrder:
    command_id: str
    command: MediaCommand
    asset_url: str = ""
    loop: bool = False
    purpose: MediaPurpose | None = None

    @classmethod
    def read(cls, attributes: Mapping[str, str]) -> MediaOrder:
        """Raises ValueError, with a sentence, for a value that this Media Bot does not know."""
        loop = attributes.get(Attribute.MEDIA_LOOP, "").lower()
        if loop not in _TRUTHS:
            raise ValueError("media.loop is neither true nor false.")
        purpose = attributes.get(Attribute.MEDIA_PURPOSE, "")
        command = attributes.get(Attribute.MEDIA_COMMAND, "")
        try:
            return cls(
                command_id=attributes[Attribute.MEDIA_COMMAND_ID],
                command=MediaCommand(command),
                asset_url=attributes.get(Attribute.MEDIA_ASSET_URL, ""),
                loop=_TRUTHS[loop],
                purpose=MediaPurpose(purpose) if purpose else None,
            )
        except ValueError:
            raise ValueError("media.command or media.purpose has an unknown value.") from None

    @property
    def repeats(self) -> bool:
        # A ringback shorter than the ringing goes on until the answer (design section 6).
        return self.loop or self.purpose is MediaPurpose.RINGBACK

    @property
    def ends_the_call(self) -> bool:
        """As media_bot.txt has it: what does not loop is a busy tone, unless it says otherwise."""
        return not self.repeats and self.purpose in (None, MediaPurpose.BUSY)


class MediaOrders:
    """Hands on each order once, however often and in whatever way its attributes come."""

    def __init__(
        self, room: rtc.Room, identity: str, *, on_order: Callable[[MediaOrder], None]
    ) -> None:
        self._room = room
        self._identity = identity
        self._on_order = on_order
        self._known: deque[str] = deque(maxlen=_REMEMBERED)

    def start(self) -> None:
        self._room.on("participant_connected", self._read)
        self._room.on("participant_attributes_changed", self._changed)
        for participant in self._room.remote_participants.values():
            self._read(participant)

    async def aclose(self) -> None:
        self._room.off("participant_attributes_changed", self._changed)
        self._room.off("participant_connected", self._read)

    def _changed(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        self._read(participant)

    def _read(self, participant: rtc.Participant) -> None:
        if participant.identity != self._identity:
            return
        attributes = participant.attributes
        command_id = attributes.get(Attribute.MEDIA_COMMAND_ID, "")
        if not command_id or command_id in self._known:
            return
        self._known.append(command_id)
        # A predecessor played this to its end: a second time would be one too many.
        if command_id == attributes.get(Attribute.MEDIA_DONE):
            return
        try:
            if len(command_id) > _LONGEST_ID:
                raise ValueError("media.command_id is too long.")
            order = MediaOrder.read(attributes)
        except ValueError as wrong:
            # Half-understood it could end the call: not at all is safer.
            log.warning("a media command is ignored", extra={"error": str(wrong)})
            return
        self._on_order(order)
