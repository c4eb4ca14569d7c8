"""What a ladder is drawn from: every signalling message that came or went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.sip.flow import Flow


@dataclass(frozen=True, slots=True)
class SipMessage:
    """`at` is UNIX time in seconds."""

    at: float
    sent: bool
    flow: Flow
    data: bytes


SipTap = Callable[[SipMessage], None]
