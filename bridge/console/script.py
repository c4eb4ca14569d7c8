"""What the command does in a call, and when: `12#`, `12#@2s`, `2s@3s`, `sip:bob@host@5s`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_DIGITS = re.compile(r"[0-9*#A-Da-d,w]+")
_SOON = 1.0


class ScriptError(ValueError):
    """An option that is not written as it should be, in a sentence."""


@dataclass(frozen=True, slots=True)
class SendDigits:
    """`at`, here and below: seconds after the answer."""

    at: float
    digits: str


@dataclass(frozen=True, slots=True)
class HoldFor:
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TransferTo:
    at: float
    target: str


Step = SendDigits | HoldFor | TransferTo


def seconds_of(text: str) -> float:
    """`2s`, `500ms`, `1.5`. Raises ScriptError."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ScriptError(f"{text!r} is no time: write 2s, 500ms or 1m.")
    return float(found[1]) * _UNIT[found[2]]


def digits_step(text: str) -> SendDigits:
    digits, at = _apart(text)
    if not _DIGITS.fullmatch(digits):
        raise ScriptError(f"{digits!r} has signs that no telephone has: use 0-9, *, #, A-D, `,`.")
    return SendDigits(at, digits)


def hold_step(text: str) -> HoldFor:
    length, at = _apart(text)
    return HoldFor(at, seconds_of(length))


def transfer_step(text: str) -> TransferTo:
    target, at = _apart(text)
    return TransferTo(at, target)


def _apart(text: str) -> tuple[str, float]:
    """What, and when; a SIP address has an @ of its own."""
    what, mark, when = text.rpartition("@")
    if mark and _TIME.fullmatch(when.strip()):
        return what, seconds_of(when)
    return text, _SOON
