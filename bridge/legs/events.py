"""What happens in a leg, as whoever runs it is told: each once, in order, the end last."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bridge.legs.outcome import LegEnd, Side


class HoldKind(StrEnum):
    """The ways in which phones put a call on hold; all mean the same to the far side."""

    SENDONLY = "sendonly"
    """RFC 3264 section 8.4; music may be played."""
    INACTIVE = "inactive"
    ZERO = "zero"
    """c=0.0.0.0, of RFC 2543."""
    SESSION = "session"
    """sendonly, said for the whole session and not at the media line."""
    DELAYED = "delayed"
    """A re-INVITE without SDP, answered in its ACK with sendonly."""


@dataclass(frozen=True, slots=True)
class Ringing:
    status: int
    early_media: bool


@dataclass(frozen=True, slots=True)
class Answered:
    pass


@dataclass(frozen=True, slots=True)
class Held:
    """`by` put the call on hold; both sides may do so at once."""

    by: Side


@dataclass(frozen=True, slots=True)
class Resumed:
    by: Side


@dataclass(frozen=True, slots=True)
class DtmfHeard:
    digit: str
    ms: int
    way: Literal["rtp", "info"]


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """They want us to call `target` instead: `leg.accept_transfer` or `leg.refuse_transfer`."""

    target: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How the far side gets on with the transfer that we asked for."""

    status: int
    phrase: str
    final: bool


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """Its signalling connection is gone: Reattached or the end follows, or a request of ours
    opens another one."""


@dataclass(frozen=True, slots=True)
class Reattached:
    """Its signalling connection was lost, and there is another one now."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    end: LegEnd


LegEvent = (
    Ringing
    | Answered
    | Held
    | Resumed
    | DtmfHeard
    | TransferRequested
    | TransferProgress
    | ConnectionLost
    | Reattached
    | LegEnded
)
