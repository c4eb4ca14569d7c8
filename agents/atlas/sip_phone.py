"""A phone of LiveKit SIP, as it shows in the room (livekit_observed.md section 1).

It knows nothing of our calls, so Atlas tells the workflow what it sees of it, as a bridge would,
and presses keys for whoever asks.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from livekit import rtc

from agents.rpc import Method
from contract.facts import FactKind
from contract.phone import PAUSE, LegReport, check_dtmf
from contract.rooms import PhoneRpc, SipAttribute, SipStatus, Topic

log = logging.getLogger(__name__)

_CODES = {key: code for code, key in enumerate("0123456789*#ABCD")}  # RFC 4733 section 3.2
_KEY_SECONDS = 0.3  # each key takes LiveKit SIP 250 ms of sound
_PAUSE_SECONDS = 0.5
# A far side that presses without end is told of ever more rarely: what is told stays in a history.
_FIRST_HANDFUL, _LONGEST_HANDFUL, _GROWS = 0.5, 30.0, 1.1
_REMEMBERED = 100

Tell = Callable[[FactKind, dict[str, Any]], None]


class SipPhone:
    def __init__(
        self, room: rtc.Room, identity: str, *, tell: Tell, on_active: Callable[[], None]
    ) -> None:
        """`on_active`: the phone is answered, and the keys that the call began with are pressed."""
        self._room = room
        self._identity = identity
        self._tell = tell
        self._on_active = on_active
        self._rang = False
        self._answer_is_told = False
        self._answered_at: datetime | None = None  # when we saw it
        self._has_ended = False
        self._keys = 0
        self._handful = _FIRST_HANDFUL
        self._due: asyncio.TimerHandle | None = None
        self._pressed: deque[str] = deque(maxlen=_REMEMBERED)
        self._fingers = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._room.on("participant_connected", self._came)
        self._room.on("participant_attributes_changed", self._changed)
        self._room.on("sip_dtmf_received", self._heard_key)
        for participant in self._room.remote_participants.values():
            self._came(participant)

    async def aclose(self) -> None:
        self._room.off("sip_dtmf_received", self._heard_key)
        self._room.off("participant_attributes_changed", self._changed)
        self._room.off("participant_connected", self._came)
        if self._due is not None:
            self._due.cancel()
            self._tell_keys()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def methods(self) -> dict[str, Method]:
        return {PhoneRpc.DTMF: self._press}

    # --- What it shows ---------------------------------------------------------------------------

    def _came(self, participant: rtc.RemoteParticipant) -> None:
        """When it is answered by now, nobody here knows when that was."""
        if participant.identity != self._identity:
            return
        match participant.attributes.get(SipAttribute.CALL_STATUS):
            case SipStatus.RINGING:  # LiveKit tells of its coming a moment later
                self._rings()
            case SipStatus.AUTOMATION:
                self._was_answered()
            case SipStatus.ACTIVE:
                self._was_answered()
                self._on_active()
            case SipStatus.HANGUP:
                self._hung_up()

    def _changed(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity != self._identity or SipAttribute.CALL_STATUS not in changed:
            return
        match participant.attributes.get(SipAttribute.CALL_STATUS):
            case SipStatus.RINGING:
                self._rings()
            case SipStatus.AUTOMATION:
                self._is_answered()
            case SipStatus.ACTIVE:
                self._is_answered()
                self._on_active()
            case SipStatus.HANGUP:
                self._hung_up()

    def _rings(self) -> None:
        if not self._rang:
            self._rang = True
            self._tell(FactKind.RINGING, {})

    def _is_answered(self) -> None:
        if not self._answer_is_told:
            self._answer_is_told = True
            self._answered_at = datetime.now(UTC)
            self._tell(FactKind.ANSWERED, {})

    def _was_answered(self) -> None:
        self._answer_is_told = True
        self._tell(FactKind.ANSWERED, {"guessed": True})

    def _hung_up(self) -> None:
        """Before its participant leaves, which it may forget to do."""
        if self._has_ended:
            return
        self._has_ended = True
        report = LegReport(
            reason="bye",
            by="them",
            detail="The far side hung up.",
            answered=True,
            answered_at=self._answered_at,
            ended_at=datetime.now(UTC),
        )
        self._tell(FactKind.LEG_ENDED, report.to_data())

    # --- Keys ------------------------------------------------------------------------------------

    def _heard_key(self, key: rtc.SipDTMF) -> None:
        sender = key.participant
        if sender is None or sender.identity != self._identity:
            return
        self._do(self._publish_key(key.digit))
        self._keys += 1
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(self._handful, self._tell_keys)

    def _tell_keys(self) -> None:
        """How many, and not which: that is the callee's secret."""
        self._due = None
        self._handful = min(self._handful * _GROWS, _LONGEST_HANDFUL)
        count, self._keys = self._keys, 0
        self._tell(FactKind.DTMF, {"count": count})

    async def _publish_key(self, digit: str) -> None:
        """The room hears of it as of a bridge's; LiveKit SIP does not say how long it was."""
        await self._room.local_participant.publish_data(
            json.dumps({"digit": digit}), topic=Topic.DTMF
        )

    async def _press(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answered with the seconds that it takes; the same id again presses nothing."""
        digits, key = payload.get("digits"), payload.get("id")
        if not isinstance(digits, str):
            raise ValueError("The digits are missing.")
        check_dtmf(digits)
        if self._identity not in self._room.remote_participants:
            raise ValueError("The phone is not in the room.")
        if key is None or str(key) not in self._pressed:
            if key is not None:
                self._pressed.append(str(key))
            self._do(self._press_one_by_one(digits))
        return {"seconds": round(sum(map(_seconds_of, digits)), 2)}

    async def _press_one_by_one(self, digits: str) -> None:
        async with self._fingers:
            for digit in digits:
                if digit != PAUSE:
                    await self._room.local_participant.publish_dtmf(code=_CODES[digit], digit=digit)
                await asyncio.sleep(_seconds_of(digit))

    def _do(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name="keys")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a key got lost", extra={"error": type(error).__name__})


def _seconds_of(digit: str) -> float:
    return _PAUSE_SECONDS if digit == PAUSE else _KEY_SECONDS
