"""Every INVITE on the wire, both ways: how often one number was called, how fast, and held when."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.ladder.record import SipMessage
from sandbox.carrier.times import written

_KEPT = 10_000
_COMPACT = {"i": "call-id", "t": "to", "f": "from"}
_USER = re.compile(r"sips?:([^@;>]+)@")


@dataclass(frozen=True, slots=True)
class Invite:
    at: float  # UNIX time
    way: str  # "in": the bridge sent it
    sip_call_id: str
    caller: str
    called: str
    sequence: str
    is_first: bool
    """It begins a call: no tag of the other side's. False: a re-INVITE."""

    def document(self) -> dict[str, Any]:
        return {
            "at": written(datetime.fromtimestamp(self.at, UTC)),
            "way": self.way,
            "sip_call_id": self.sip_call_id,
            "from": self.caller,
            "to": self.called,
            "cseq": self.sequence,
            "first": self.is_first,
        }


class Invites:
    """A tap of signalling: `overhear` each message."""

    def __init__(self) -> None:
        self._kept: deque[Invite] = deque()
        self._by_call: Counter[str] = Counter()

    def overhear(self, message: SipMessage) -> Invite | None:
        if not message.data.startswith(b"INVITE "):
            return None
        head = headers(message.data)
        invite = Invite(
            at=message.at,
            way="out" if message.sent else "in",
            sip_call_id=head.get("call-id", ""),
            caller=_user(head.get("from", "")),
            called=_user(head.get("to", "")),
            sequence=head.get("cseq", "").partition(" ")[0],
            is_first=";tag=" not in head.get("to", ""),
        )
        if len(self._kept) == _KEPT:
            oldest = self._kept.popleft().sip_call_id
            self._by_call[oldest] -= 1
            if not self._by_call[oldest]:
                del self._by_call[oldest]
        self._kept.append(invite)
        self._by_call[invite.sip_call_id] += 1
        return invite

    def of_call(self, sip_call_id: str) -> int:
        return self._by_call[sip_call_id]

    def to(self, ending: str) -> list[Invite]:
        """Of all calls to a number that ends so, the oldest first."""
        calls = {e.sip_call_id for e in self._kept if e.is_first and e.called.endswith(ending)}
        return [each for each in self._kept if each.sip_call_id in calls]


def headers(message: bytes) -> dict[str, str]:
    """Of a SIP message: the first of each name, in small letters."""
    found: dict[str, str] = {}
    for line in message.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        found.setdefault(_COMPACT.get(name, name), value.strip())
    return found


def _user(header: str) -> str:
    match = _USER.search(header)
    return match[1] if match else ""
