"""What the carrier knows of each call: the far side's own account, to compare others with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bridge.legs import DtmfHeard, Held, LegEnd, LegEvent, Resumed, Ringing, TransferRequested
from sandbox.carrier.invites import Invites
from sandbox.carrier.times import now, written
from sandbox.carrier.wire import Span, WireEar

_REMEMBERED = 1000
_BRIDGE = "them"  # to the phone, the bridge is the other side


@dataclass(eq=False)
class CallRecord:
    id: str
    sip_call_id: str
    direction: Literal["in", "out"]  # as the carrier sees it: in = the bridge called
    caller: str
    called: str
    transport: str
    peer: str
    behaviour: str = ""
    invites: int = 0
    """INVITE requests of this Call-ID in both directions, re-INVITEs and repetitions included."""
    began_at: datetime = field(default_factory=now)
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    end: LegEnd | None = None
    doings: list[dict[str, Any]] = field(default_factory=list)
    """What the phone did and what happened to it, in order, each with `at`."""
    headers: dict[str, str] = field(default_factory=dict)
    heard: dict[str, Any] | None = None
    wire: WireEar | None = None
    _holds: list[Span] = field(default_factory=list)  # the phone's own, those that are over
    _holds_since: datetime | None = None

    def did(self, what: str, **details: Any) -> None:
        self.doings.append({"at": written(now()), "what": what, **details})

    def note(self, event: LegEvent) -> None:
        """What the leg tells while the call lasts."""
        match event:
            case Ringing():
                self.ringing_at = self.ringing_at or now()
                self.did("ringing", status=event.status)
            case Held():
                self.did("held", by=_who(event.by))
                if event.by != _BRIDGE:
                    self._holds_since = now()
            case Resumed():
                self.did("resumed", by=_who(event.by))
                if event.by != _BRIDGE:
                    self._holds, self._holds_since = self._held(), None
            case DtmfHeard():
                self.did("dtmf", digit=event.digit, ms=event.ms, way=event.way, by="bridge")
            case TransferRequested():
                self.did("transfer-requested", target=event.target, by="bridge")
            case _:
                pass

    def _held(self) -> list[Span]:
        since = self._holds_since
        return [*self._holds, (since, now())] if since else self._holds

    def document(self) -> dict[str, Any]:
        end = self.end
        return {
            "id": self.id,
            "sip_call_id": self.sip_call_id,
            "direction": self.direction,
            "from": self.caller,
            "to": self.called,
            "transport": self.transport,
            "peer": self.peer,
            "behaviour": self.behaviour,
            "headers": self.headers,
            "invites": self.invites,
            "began_at": written(self.began_at),
            "ringing_at": written(self.ringing_at),
            "answered_at": written(self.answered_at),
            "answered": self.answered_at is not None,
            "ended_at": written(end.ended_at) if end else None,
            "seconds": round(end.talk_seconds, 3) if end else None,
            "ended_by": _who(end.by) if end else None,
            "reason": end.reason if end else None,
            "status": end.sip_status if end else None,
            "reason_header": end.reason_header if end else None,
            "holds": [
                {
                    "from": written(hold.began),
                    "to": written(hold.ended),
                    "seconds": round((hold.ended - hold.began).total_seconds(), 3),
                    "by": _who(hold.by),
                }
                for hold in (end.holds if end else ())
            ],
            "dtmf": "".join(each["digit"] for each in self.doings if each["what"] == "dtmf"),
            "heard": self.heard,
            "wire": self.wire.document(self.answered_at, self._held()) if self.wire else None,
            "quality": end.as_document()["quality"] if end else None,
            "doings": self.doings,
        }


class Book:
    """The last calls, the oldest first."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, CallRecord] = OrderedDict()
        self.invites = Invites()

    def open(self, record: CallRecord) -> CallRecord:
        self._records[record.id] = record
        while len(self._records) > _REMEMBERED:
            self._records.popitem(last=False)
        record.invites = self.invites.of_call(record.sip_call_id)
        return record

    def find(self, call_id: str) -> CallRecord | None:
        """By our id or by the SIP Call-ID."""
        found = self._records.get(call_id)
        return found or next((each for each in self if each.sip_call_id == call_id), None)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._records.values())


def _who(side: str) -> str:
    return {"us": "phone", _BRIDGE: "bridge"}.get(side, side)
