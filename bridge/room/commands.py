"""What the workflow and agents may tell the phone: hang up, press keys, hand the call on."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from bridge.ladder.masking import mask_text
from bridge.legs import Leg, LegOver, Target, TransferProgress
from bridge.room.options import RoomLegOptions
from bridge.room.report import report_of
from bridge.room.rpc import Method
from contract.phone import LegReport, check_dtmf
from contract.rooms import PhoneRpc

_REMEMBERED = 200  # ids of keys that were pressed
# LiveKit asks again, and runs a method twice, when it has no answer after 3 s.
_ANSWERS_WITHIN = 2.0
_WORD = re.compile(r"[a-z]+(?:[_-][a-z]+)*")
_KEY, _PAUSE = 0.25, 0.5  # s, as bridge.rtp and bridge.legs.digits press them, at most
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


class Commands:
    def __init__(self, leg: Leg, trunk: str, options: RoomLegOptions) -> None:
        """`trunk`: the address that was called, for transfers to a number."""
        self._leg = leg
        self._trunk = Target.parse(trunk)
        self._options = options
        self._pressed: deque[str] = deque(maxlen=_REMEMBERED)
        self._wanted: tuple[str, Any] | None = None
        self._transfer_task: asyncio.Task[TransferProgress] | None = None

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            PhoneRpc.HANGUP: self._hang_up,
            PhoneRpc.DTMF: self._press,
            PhoneRpc.TRANSFER: self._transfer,
        }

    async def _hang_up(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answered when the far side has confirmed it, or is not going to in time. The same
        again gets the same answer. `ended` is null while a CANCEL is still unanswered."""
        reason = payload.get("reason")
        told = isinstance(reason, str) and _WORD.fullmatch(reason)
        why = f" ({reason})" if told else ""
        self._leg.hang_up("hung-up", f"The Call Service hung up{why}.")
        try:
            async with asyncio.timeout(self._options.goodbye_patience):
                await self._leg.parted()
        except TimeoutError:
            pass
        end = self._leg.end
        report: LegReport | None = report_of(end) if end is not None else None
        return {
            "answered": self._leg.answered_at is not None,
            "ended": report.to_data() if report else None,
        }

    async def _press(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answered when they are queued, with the seconds that pressing all of them takes. The same
        id again presses nothing: whoever asks may not have heard our answer."""
        digits, key = payload.get("digits"), payload.get("id")
        if not isinstance(digits, str):
            raise ValueError("The digits are missing.")
        check_dtmf(digits)
        takes = {"seconds": _seconds_of(digits)}
        if key is not None and str(key) in self._pressed:
            return takes
        try:
            self._leg.send_dtmf(digits)
        except LegOver as over:
            return {"ok": False, "detail": str(over)}
        if key is not None:
            self._pressed.append(str(key))
        return takes

    async def _transfer(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answered when the far side has said what came of it (the leg ends if it got through), or
        with `pending`: asked again, with the same id, it waits for the same transfer."""
        wanted = self._uri(payload.get("to")), payload.get("id")
        task = self._handing_on(wanted)
        if task is None:
            return _not_transferred("Another transfer is under way.")
        await asyncio.wait((task,), timeout=_ANSWERS_WITHIN)
        if not task.done():
            return {"pending": True}
        if (error := task.exception()) is not None:
            return _not_transferred(str(error))
        outcome = task.result()
        return {
            "ok": 200 <= outcome.status < 300,
            "sip_status": outcome.status,
            "sip_phrase": mask_text(outcome.phrase),
        }

    def _handing_on(self, wanted: tuple[str, Any]) -> asyncio.Task[TransferProgress] | None:
        """None: the leg is being handed on to somebody else."""
        target, key = wanted
        if self._transfer_task is not None:
            is_same = self._wanted == wanted
            if is_same and (key is not None or not self._transfer_task.done()):
                return self._transfer_task
            if not self._transfer_task.done():
                return None
        self._wanted = wanted
        # Whoever asked may not wait for it; a call that was handed on is hung up all the same.
        self._transfer_task = asyncio.create_task(self._hand_on(target))
        self._transfer_task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._transfer_task

    async def _hand_on(self, target: str) -> TransferProgress:
        return await self._leg.transfer(target, patience=self._options.transfer_patience)

    def _uri(self, to: object) -> str:
        """Raises ValueError, without repeating the number."""
        if not isinstance(to, str) or not to:
            raise ValueError("Whom to hand the call on to is missing.")
        if _NUMBER.fullmatch(to):
            return self._trunk.at(to)
        return Target.parse(to).uri


def _seconds_of(digits: str) -> float:
    pauses = digits.count("w")
    return round(_KEY * (len(digits) - pauses) + _PAUSE * pauses, 2)


def _not_transferred(detail: str) -> dict[str, Any]:
    return {"ok": False, "sip_status": None, "sip_phrase": "", "detail": detail}
