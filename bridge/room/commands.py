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
_WORD = re.compile(r"[a-z]+(?:[_-][a-z]+)*")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


class Commands:
    def __init__(self, leg: Leg, trunk: str, options: RoomLegOptions) -> None:
        """`trunk`: the address that was called, for transfers to a number."""
        self._leg = leg
        self._trunk = Target.parse(trunk)
        self._options = options
        self._handing_on: set[asyncio.Task[TransferProgress]] = set()
        self._pressed: deque[str] = deque(maxlen=_REMEMBERED)

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
        """The same id again presses nothing: whoever asks may not have heard our answer."""
        digits, key = payload.get("digits"), payload.get("id")
        if not isinstance(digits, str):
            raise ValueError("The digits are missing.")
        check_dtmf(digits)
        if key is not None and str(key) in self._pressed:
            return {}
        try:
            self._leg.send_dtmf(digits)
        except LegOver as over:
            return {"ok": False, "detail": str(over)}
        if key is not None:
            self._pressed.append(str(key))
        return {}

    async def _transfer(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answered when the far side has said what came of it; the leg ends if it got through."""
        target = self._uri(payload.get("to"))
        handing_on = asyncio.create_task(
            self._leg.transfer(target, patience=self._options.transfer_patience)
        )
        self._handing_on.add(handing_on)
        handing_on.add_done_callback(self._handed_on)
        try:
            # Whoever asked may not wait for it; a call that was handed on is hung up all the same.
            outcome = await asyncio.shield(handing_on)
        except LegOver as over:
            return {"ok": False, "sip_status": None, "sip_phrase": "", "detail": str(over)}
        return {
            "ok": 200 <= outcome.status < 300,
            "sip_status": outcome.status,
            "sip_phrase": mask_text(outcome.phrase),
        }

    def _handed_on(self, task: asyncio.Task[TransferProgress]) -> None:
        self._handing_on.discard(task)
        if not task.cancelled():
            task.exception()  # perhaps nobody waits for it any more

    def _uri(self, to: object) -> str:
        """Raises ValueError, without repeating the number."""
        if not isinstance(to, str) or not to:
            raise ValueError("Whom to hand the call on to is missing.")
        if _NUMBER.fullmatch(to):
            return self._trunk.at(to)
        return Target.parse(to).uri
