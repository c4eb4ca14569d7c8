"""Who tells the caller's turns to the record: Media Bot while it transcribes, else Atlas."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from livekit import rtc

from agents.turns import Turn
from contract.facts import moment_of
from contract.identity import AgentRole, agent_identity, parse_agent_identity
from contract.rooms import Attribute, RoomMetadata, Topic

# LiveKit itself needs 20 s to notice that Media Bot was killed, and Media Bot up to 42 s to find
# that two providers which swallow all packets hear nothing.
KEPT = timedelta(seconds=60)
# From being told to transcribe until Media Bot hears: it has to subscribe first.
BEGINS = timedelta(seconds=1.5)
# A provider that is back may still tell what Atlas has heard meanwhile, and Whisper takes its time.
GRACE = timedelta(seconds=10)
# By so much two recognisers may differ on when something was said.
_SLACK = timedelta(seconds=0.5)
_TOLD_KEPT = 100


@dataclass(frozen=True, slots=True)
class _Told:
    """What Media Bot has told of the caller."""

    start: datetime
    end: datetime
    words: str

    def tells(self, turn: Turn) -> bool:
        """By more than half of the shorter one: two recognisers cut differently, and what is two
        sentences to one may be one turn with a pause to the other. A neighbour is another sentence,
        unless it says the same."""
        common = min(self.end, turn.end) - max(self.start, turn.start)
        if common <= timedelta(0) and self.words != _words(turn.text):
            return False
        return common + _SLACK > min(self.end - self.start, turn.end - turn.start) / 2


@dataclass(slots=True)
class _Kept:
    turn: Turn
    heard_at: datetime
    was_deaf: bool  # Media Bot may have been, while this was said: its later words tell nothing

    @property
    def middle(self) -> datetime:
        return self.turn.start + (self.turn.end - self.turn.start) / 2


class CallerTurns:
    """Keeps Atlas' turns of the caller back while Media Bot is at it, and lets go of what Media Bot
    has told. What it has not told when it dies is Atlas' to tell: nothing twice, nothing lost."""

    def __init__(
        self,
        room: rtc.Room,
        human_identity: str,
        add: Callable[[Turn], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._room = room
        self._human_identity = human_identity
        self._add = add
        self._now = now
        self._kept: list[_Kept] = []
        self._told: deque[_Told] = deque(maxlen=_TOLD_KEPT)
        self._is_away = True
        self._is_deaf = False
        self._since = self._hears_since = datetime.min.replace(tzinfo=UTC)  # Media Bot is at it
        self._look_again: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._room.on("participant_connected", self._changed)
        self._room.on("participant_disconnected", self._changed)
        self._room.on("participant_attributes_changed", self._changed)
        self._room.on("room_metadata_changed", self._changed)
        self._room.on("reconnected", self._changed)
        self._room.on("data_received", self._received)
        self._look()

    async def aclose(self) -> None:
        """What is kept now is Media Bot's to tell, which hears the last words, too, if it hears."""
        self._room.off("data_received", self._received)
        self._room.off("reconnected", self._changed)
        self._room.off("room_metadata_changed", self._changed)
        self._room.off("participant_attributes_changed", self._changed)
        self._room.off("participant_disconnected", self._changed)
        self._room.off("participant_connected", self._changed)
        if self._look_again is not None:
            self._look_again.cancel()
        for kept in self._kept:
            if kept.was_deaf and not self._is_told(kept):
                self._add(kept.turn)
        self._kept = []

    def add(self, turn: Turn) -> None:
        """Any turn: the assistant's own, and what was typed, are always Atlas' to tell."""
        if turn.speaker != "caller" or turn.is_typed:
            self._add(turn)
            return
        kept = _Kept(turn, self._now(), self._is_deaf)
        kept.was_deaf |= turn.start < self._hears_since
        if self._is_away or kept.middle < self._since:
            self._add(turn)
        elif not self._is_told(kept):
            self._kept.append(kept)
            self._let_go()

    # --- Media Bot -------------------------------------------------------------------------------

    def _changed(self, *_: object) -> None:
        # Cut off ourselves, we are told that everybody has left.
        if self._room.connection_state == rtc.ConnectionState.CONN_CONNECTED:
            self._look()

    def _look(self) -> None:
        attributes = self._attributes_of_media_bot()
        was_away, was_deaf = self._is_away, self._is_deaf
        self._is_away = attributes.get(Attribute.STT_ENABLED) != "true"
        self._is_deaf = not self._is_away and attributes.get(Attribute.STT_DEAF) == "true"
        if was_away and not self._is_away:
            self._since = self._now()
            self._hears_since = self._since + BEGINS
        if self._is_deaf and not was_deaf:
            for kept in self._kept:
                kept.was_deaf = True
        if was_deaf and not self._is_deaf:
            self._hears_since = self._now()
        self._let_go()

    def _attributes_of_media_bot(self) -> dict[str, str]:
        """Of the current one; none while it is not in the room."""
        generation = RoomMetadata.parse(self._room.metadata).generation.get(AgentRole.MEDIA_BOT)
        if generation is None:  # LiveKit was restarted; the workflow writes it again
            agents = map(parse_agent_identity, self._room.remote_participants)
            present = [each[1] for each in agents if each and each[0] is AgentRole.MEDIA_BOT]
            generation = max(present, default=0)
        found = self._room.remote_participants.get(agent_identity(AgentRole.MEDIA_BOT, generation))
        return dict(found.attributes) if found is not None else {}

    def _received(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant
        if packet.topic != Topic.TRANSCRIPT or sender is None:
            return
        agent = parse_agent_identity(sender.identity)
        if agent is None or agent[0] is not AgentRole.MEDIA_BOT:
            return
        told = _read(packet.data, self._human_identity)
        if told is not None:
            self._told.append(told)
            self._let_go()

    # --- What is kept ----------------------------------------------------------------------------

    def _is_told(self, kept: _Kept) -> bool:
        if kept.was_deaf:
            return any(told.tells(kept.turn) for told in self._told)
        # What came before is also told: Media Bot speaks in order, and may hear other sentences.
        return any(kept.middle <= told.end + _SLACK for told in self._told)

    def _let_go(self) -> None:
        now = self._now()
        waiting = []
        for kept in self._kept:
            age = now - kept.heard_at
            if self._is_told(kept):
                continue
            if self._is_away or (kept.was_deaf and age >= GRACE):
                self._add(kept.turn)
            elif age < KEPT:
                waiting.append(kept)
        self._kept = waiting
        self._look_later(now)

    def _look_later(self, now: datetime) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
        due = [kept.heard_at + GRACE for kept in self._kept if kept.was_deaf]
        if due:
            left = max((min(due) - now).total_seconds(), 0.0)
            self._look_again = asyncio.get_running_loop().call_later(left, self._let_go)


def _read(data: bytes, human_identity: str) -> _Told | None:
    """None for whatever is no final transcript of the call's human."""
    try:
        said: Any = json.loads(data)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("participant") != human_identity:
        return None
    start, end = moment_of(said.get("start")), moment_of(said.get("end"))
    if start is None or end is None:
        return None
    return _Told(start, end, _words(str(said.get("text", ""))))


def _words(text: str) -> str:
    """Recognisers differ in how they write the same."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
