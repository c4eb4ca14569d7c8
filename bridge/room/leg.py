"""One phone leg in its room."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import structlog

from bridge.legs import (
    Answered,
    ConnectionLost,
    DtmfHeard,
    Held,
    Leg,
    LegEnded,
    LegEvent,
    LegOver,
    Reattached,
    Resumed,
    Ringing,
    TransferRequested,
)
from bridge.room import metrics
from bridge.room.commands import Commands
from bridge.room.farewell import Farewell
from bridge.room.hold import Repair
from bridge.room.news import News
from bridge.room.options import RoomLegOptions
from bridge.room.order import RoomCall, Teller
from bridge.room.presence import Presence
from bridge.room.report import figures, report_of
from bridge.room.seat import Gone
from bridge.sip import CallEnd
from contract.facts import FactKind
from contract.holds import Holder
from contract.phone import LegReport
from contract.rooms import Attribute, PhoneState, SipAttribute, Topic

log = structlog.get_logger()

_REFUSED = 603  # who may have us call anybody spends our money
_UNREACHABLE = Gone("room-lost", "LiveKit does not let anybody speak to the phone.")
_WHY = {
    "cancelled": "The call was cancelled.",
    "shutdown": "The bridge is being shut down.",
}


class RoomLeg:
    """Made by `RoomLegs.dial`. It lives on by itself until one of its ends comes."""

    def __init__(
        self,
        leg: Leg,
        call: RoomCall,
        presence: Presence,
        teller: Teller,
        options: RoomLegOptions,
    ) -> None:
        self.call_id = call.call_id
        self.leg = leg
        self.report: LegReport | None = None
        self._call = call
        self._presence = presence
        self._options = options
        self._news = News(teller)
        self._commands = Commands(leg, call.target, options)
        self._log = log.bind(call_id=call.call_id)
        self._decided = asyncio.Event()
        self._answered_at: datetime | None = None
        self._farewell = Farewell(presence, teller, options, call.call_id)
        self._measuring: asyncio.Task[None] | None = None

    def start(self) -> None:
        """In the turn of the loop in which the INVITE was made: no event is missed."""
        metrics.LEGS.inc()
        self._presence.on_repair = self._repaired
        self._presence.seat.on_gone = self._gone
        self.leg.on_event = self._handle
        if self.leg.end is not None:
            self._handle(LegEnded(self.leg.end))
        elif (gone := self._presence.seat.gone) is not None:
            self._gone(gone)
        else:
            self._serve()

    def _serve(self) -> None:
        try:
            self._presence.serve(self._commands.methods)
        except Exception as error:  # a call that nobody can end must not be
            self._log.exception("phone_not_reachable", error=type(error).__name__)
            self._gone(_UNREACHABLE)

    async def decided(self) -> datetime | None:
        """Once the INVITE has its final answer: when it was answered. None: it was not, or not
        before we gave up; `ended` says what came of it."""
        await self._decided.wait()
        return self._answered_at

    def cancel(self, reason: str = "cancelled") -> None:
        """CANCEL before the answer, BYE after it. Safe to repeat; never blocks."""
        self.leg.hang_up(reason, _WHY.get(reason, ""))

    async def ended(self) -> LegReport:
        """Once it has ended, its last fact is told and `phone` has left the room."""
        await self._farewell.has_left.wait()
        assert self.report is not None
        return self.report

    async def closed(self) -> None:
        """Once nothing of it is left to do either."""
        await self._farewell.done()

    def abandon(self) -> None:
        """The far side does not confirm its end, and nobody can wait for it any longer."""
        talked = self.leg.state == "answered"
        self.leg.finish(CallEnd("us", "hung-up" if talked else "cancelled", talked))

    def _handle(self, event: LegEvent) -> None:
        match event:
            case Ringing():
                self._rings(event)
            case Answered():
                self._answered()
            case Held(by="them"):
                self._holds(True)
            case Resumed(by="them"):
                self._holds(False)
            case DtmfHeard():
                self._presence.seat.send(
                    Topic.DTMF, json.dumps({"digit": event.digit, "ms": event.ms})
                )
                self._news.key()
            case TransferRequested():
                self._asked_to_transfer(event)
            case ConnectionLost() | Reattached():
                lost = isinstance(event, ConnectionLost)
                self._news.tell(FactKind.CONNECTION_CHANGED, {"lost": lost})
            case LegEnded():
                self._ended(report_of(event.end))

    def _rings(self, event: Ringing) -> None:
        if not self._decided.is_set():
            self._show(PhoneState.RINGING, {SipAttribute.CALL_STATUS: "ringing"})
            self._news.ringing(event)

    def _answered(self) -> None:
        at = self._answered_at = self.leg.answered_at
        assert at is not None
        self._decided.set()
        call = self.leg.call
        known = {SipAttribute.CALL_STATUS: "active", SipAttribute.CALL_ID_FULL: call.call_id}
        if call.dialog is not None and call.dialog.remote_tag:
            known[SipAttribute.CALL_TAG] = call.dialog.remote_tag
        self._show(PhoneState.ANSWERED, known)
        self._presence.seat.send(Topic.CALL_ANSWERED, json.dumps({"at": at.isoformat()}))
        self._news.tell(FactKind.ANSWERED, {"codec": self.leg.codec}, at)
        self._log.info("leg_answered", codec=self.leg.codec)
        self._measuring = asyncio.create_task(self._measure(), name="leg_quality")
        self._open_sound()
        if self._call.dtmf:  # once the media knows what was agreed on
            asyncio.get_running_loop().call_soon(self._press)

    def _open_sound(self) -> None:
        try:
            self._presence.sound.open(self.leg)
        except Exception as error:  # a call in which nobody hears anybody helps no one
            self._log.exception("sound_not_opened", error=type(error).__name__)
            self.leg.hang_up("no-media", "The room's sound could not be joined to the phone's.")

    def _press(self) -> None:
        try:
            self.leg.send_dtmf(self._call.dtmf)
        except (LegOver, ValueError) as error:
            self._log.warning("keys_not_pressed", error=type(error).__name__)

    def _holds(self, holds: bool) -> None:
        state = self._presence.hold.change(holds=holds)
        self._presence.sound.mute(holds)
        told = PhoneState.HELD if holds else PhoneState.ANSWERED
        self._presence.announce_hold({Attribute.CALL_STATE.value: told})
        self._tell_hold(state.seq, holds)

    def _repaired(self, repair: Repair) -> None:
        """Whoever wrote over the far side's hold is to know how it stands."""
        holds = self._presence.hold.holds
        if repair.is_about_us or holds:
            self._tell_hold(repair.state.seq, holds)

    def _tell_hold(self, seq: int, holds: bool) -> None:
        kind = FactKind.HELD if holds else FactKind.RESUMED
        self._news.hold(kind, {"holder": Holder.REMOTE, "seq": seq})

    def _asked_to_transfer(self, event: TransferRequested) -> None:
        # It names a number: not for everybody in the room, and for no log.
        if agents := self._presence.seat.agents:
            asked = json.dumps({"target": event.target, "replaces": event.replaces})
            self._presence.seat.send(Topic.TRANSFER_REQUESTED, asked, to=agents)
        self.leg.refuse_transfer(_REFUSED)

    def _gone(self, gone: Gone) -> None:
        self.leg.hang_up(gone.reason, gone.detail)

    def _show(self, state: PhoneState, more: dict[SipAttribute, str]) -> None:
        if self._presence.seat.gone is not None:
            return
        self._presence.attributes.set(
            {Attribute.CALL_STATE.value: state.value} | {key.value: more[key] for key in more}
        )

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._options.quality_interval)
            self._presence.sound.count()
            self._news.tell(FactKind.QUALITY, figures(self.leg.quality))

    def _ended(self, report: LegReport) -> None:
        if self.report is not None:
            return
        self.report = report
        self.leg.on_event = None
        self._farewell.begin()  # runs when all this is said
        self._decided.set()
        self._presence.sound.close()
        if self._measuring is not None:
            self._measuring.cancel()
            self._measuring = None
        more = {SipAttribute.CALL_STATUS: "hangup"} if self._answered_at is not None else {}
        self._show(PhoneState.ENDED, more)
        self._news.ended(report)
        metrics.LEGS.dec()
        metrics.count_end(report)
        self._log.info(
            "leg_ended",
            reason=report.reason,
            by=report.by,
            answered=report.answered,
            sip_status=report.sip_status,
        )
