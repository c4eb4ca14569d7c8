"""What Media Bot's own participant says of transcription: the attributes `stt.*`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livekit import rtc

from agents.media_bot.transcription.providers import is_language
from contract.rooms import Attribute

log = logging.getLogger(__name__)

_LONGEST_ID = 128
_TRUTHS = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class SttOrder:
    enabled: bool
    language: str = ""
    """BCP-47; empty: the call's."""

    @classmethod
    def read(cls, attributes: Mapping[str, str]) -> SttOrder:
        """Raises ValueError, with a sentence, for a value that this Media Bot does not know."""
        enabled = attributes.get(Attribute.STT_ENABLED, "").lower()
        if enabled not in _TRUTHS:
            raise ValueError("stt.enabled is neither true nor false.")
        language = attributes.get(Attribute.STT_LANGUAGE, "")
        if language and not is_language(language):
            raise ValueError("stt.language is not a language tag.")
        return cls(enabled=_TRUTHS[enabled], language=language)


class SttOrders:
    """Hands on each order once: what was written before Media Bot joined, too."""

    def __init__(self, room: rtc.Room, *, on_order: Callable[[SttOrder], None]) -> None:
        self._room = room
        self._on_order = on_order
        self._known = ""

    def start(self) -> None:
        self._room.on("participant_attributes_changed", self._changed)
        self._read(self._room.local_participant.attributes)

    async def aclose(self) -> None:
        self._room.off("participant_attributes_changed", self._changed)

    def _changed(self, _: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == self._room.local_participant.identity:
            self._read(participant.attributes)

    def _read(self, attributes: Mapping[str, str]) -> None:
        command_id = attributes.get(Attribute.STT_COMMAND_ID, "")
        # A LiveKit that was restarted has forgotten the attributes: that is no order.
        if not command_id or command_id == self._known:
            return
        self._known = command_id
        try:
            if len(command_id) > _LONGEST_ID:
                raise ValueError("stt.command_id is too long.")
            order = SttOrder.read(attributes)
        except ValueError as wrong:
            log.warning("a transcription command is ignored", extra={"error": str(wrong)})
            return
        self._on_order(order)
