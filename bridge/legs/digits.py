"""Digits by INFO, for far sides that take no telephone events (RFC 4733)."""

from __future__ import annotations

import asyncio
import re

from bridge.legs.host import LegHost
from bridge.sip import Call

_DIGITS = re.compile(r"[0-9*#A-Dw]+")
_TONE_MS = 160
_GAP = 0.25
_PAUSE = 0.5


def checked_digits(digits: str) -> str:
    """In capitals. Raises ValueError; the digits may be a PIN and are not repeated."""
    digits = digits.upper().replace("W", "w")
    if not _DIGITS.fullmatch(digits):
        raise ValueError("Telephones have 0-9, *, # and A-D; w waits for half a second.")
    return digits


async def send_by_info(host: LegHost, call: Call, digits: str) -> None:
    for digit in digits:
        if call.state != "answered":
            return
        if digit == "w":
            await asyncio.sleep(_PAUSE)
            continue
        call.dtmf(digit, _TONE_MS, host.now())
        host.pump()
        await asyncio.sleep(_GAP)
