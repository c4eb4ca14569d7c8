"""A phone and the bridge that dials it, as a call's workflow meets them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contract.calls import CallRequest, Direction, Provider
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.identity import PHONE_IDENTITY
from contract.phone import (
    Dialled,
    DialPhone,
    LegReport,
    NotDialled,
    PhoneOrder,
    PhonePutOut,
    PhoneSeen,
    PhoneTold,
    PhoneTransferred,
    TellPhone,
    TransferPhone,
)
from contract.rooms import PhoneRpc
from contract.steps import InRoom, LineTaken, Step, TakeLine
from tests.workflows.world import World

NUMBER = "+919876500101"


class Phone:
    """Rings until the test has somebody `pick_up` or `refuse`. The attributes say how it goes."""

    def __init__(self, world: World, task_queue: str) -> None:
        self.world = world
        self.task_queue = task_queue
        self.begin = datetime.now(UTC)  # the bridge's clock: moments are seconds after this
        self.lines: list[LineTaken] = []  # then there is one
        self.answers_cancel_with_200 = False
        self.dial_error: Exception | None = None
        self.seen = PhoneSeen(is_there=True, state="ringing")
        self.is_there = True
        self.lives = True  # its bridge process
        self.turns_away = 0  # so many bridges are being shut down
        self.hangup_error: ApplicationError | None = None
        self.transfer_answer: dict[str, Any] = {"ok": True, "sip_status": 200, "sip_phrase": "OK"}
        self.on_transfer: Callable[[], Any] | None = None
        self._decided: asyncio.Queue[Dialled] = asyncio.Queue()
        self._seqs = itertools.count(1)
        self._answered_at: datetime | None = None

    # --- What happens ----------------------------------------------------------------------------

    def at(self, second: float) -> datetime:
        return self.begin + timedelta(seconds=second)

    def request(self, **changes: Any) -> CallRequest:
        order = {
            "trunk_id": "sandbox",
            "to_number": NUMBER,
            "task_queue": self.task_queue,
        } | changes.pop("order", {})
        values: dict[str, Any] = {
            "direction": Direction.OUTBOUND,
            "provider": Provider.BRIDGE,
            "human_identity": PHONE_IDENTITY,
            "phone": PhoneOrder(**order),
        }
        return self.world.request(**(values | changes))

    def fact(self, kind: FactKind, second: float, **data: Any) -> Fact:
        return self.world.fact(
            kind,
            FactSource.BRIDGE,
            generation=1,
            seq=next(self._seqs),
            at=self.at(second),
            data=data,
        )

    async def tell(self, call_id: str, kind: FactKind, second: float, **data: Any) -> None:
        await self.world.tell(call_id, self.fact(kind, second, **data))

    async def pick_up(self, call_id: str, second: float = 5) -> None:
        self._answered_at = self.at(second)
        await self.tell(call_id, FactKind.ANSWERED, second, codec="PCMA")
        self._decided.put_nowait(Dialled(answered_at=self._answered_at))

    def was_picked_up(self, second: float) -> None:
        """Before the scenario begins."""
        self._answered_at = self.at(second)

    async def refuse(self, call_id: str, report: LegReport) -> None:
        await self.world.tell(call_id, self.end(report))
        self._decided.put_nowait(Dialled(refused=report))

    async def hang_up(self, call_id: str, second: float) -> None:
        """Whoever was called does."""
        await self.world.tell(call_id, self.end(self.report("bye", "them", second)))

    def end(self, report: LegReport) -> Fact:
        second = (report.ended_at - self.begin).total_seconds()
        return self.fact(FactKind.LEG_ENDED, second, **report.to_data())

    def report(self, reason: str, by: str, second: float, **changes: Any) -> LegReport:
        values: dict[str, Any] = {
            "detail": f"It ended: {reason}.",
            "answered": self._answered_at is not None,
            "answered_at": self._answered_at,
            "ended_at": self.at(second),
        }
        return LegReport(reason=reason, by=by, **(values | changes))

    def leaves(self, why: str = "CLIENT_INITIATED", **fields: Any) -> Fact:
        """LiveKit's webhook."""
        seen = ParticipantSeen(
            identity=PHONE_IDENTITY,
            sid="PA_P",
            participant_kind=ParticipantKind.SIP,
            room_sid="RM_1",
            disconnect_reason=why,
        )
        return self.world.fact(FactKind.PARTICIPANT_LEFT, data=seen.to_data(), **fields)

    # --- The activities --------------------------------------------------------------------------

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """Of the workers that everybody has; `dial_phone` is the bridge's own."""
        return [
            self.take_line,
            self.look_for_phone,
            self.tell_phone,
            self.transfer_phone,
            self.put_out_phone,
        ]

    @activity.defn(name=Step.TAKE_LINE)
    async def take_line(self, order: TakeLine) -> LineTaken:
        self.world.note(Step.TAKE_LINE, order)
        return self.lines.pop(0) if self.lines else LineTaken(True)

    @activity.defn(name=Step.DIAL_PHONE)
    async def dial_phone(self, order: DialPhone) -> Dialled:
        self.world.note(Step.DIAL_PHONE, order)
        if self.dial_error is not None:
            raise self.dial_error
        if self.turns_away:
            self.turns_away -= 1
            raise ApplicationError("Shut down.", type=NotDialled.SHUTDOWN, non_retryable=True)
        await self.tell(order.call_id, FactKind.RINGING, 2, sip_status=180, early_media=False)
        try:
            while self._decided.empty():
                activity.heartbeat()
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            return await self._cancelled(order.call_id)
        return self._decided.get_nowait()

    async def _cancelled(self, call_id: str) -> Dialled:
        """CANCEL was sent; a 200 may cross it, and then a BYE follows."""
        report = self.report("cancelled", "us", 7, sip_status=487)
        if self.answers_cancel_with_200:
            moments = {"answered": True, "answered_at": self.at(6), "ended_at": self.at(7.5)}
            report = self.report("cancelled", "us", 7, sip_status=200, **moments)
        await self.world.tell(call_id, self.end(report))
        return Dialled(refused=report)

    @activity.defn(name=Step.LOOK_FOR_PHONE)
    async def look_for_phone(self, who: InRoom) -> PhoneSeen:
        self.world.note(Step.LOOK_FOR_PHONE, who)
        return self.seen

    @activity.defn(name=Step.PUT_OUT_PHONE)
    async def put_out_phone(self, who: InRoom) -> PhonePutOut:
        self.world.note(Step.PUT_OUT_PHONE, who)
        return PhonePutOut(was_there=self.is_there, at=self.at(30))

    @activity.defn(name=Step.TRANSFER_PHONE)
    async def transfer_phone(self, order: TransferPhone) -> PhoneTransferred:
        self.world.note(Step.TRANSFER_PHONE, order)
        if self.on_transfer is not None:
            await self.on_transfer()
        answer = self.transfer_answer
        return PhoneTransferred(sip_status=answer["sip_status"], sip_phrase=answer["sip_phrase"])

    @activity.defn(name=Step.TELL_PHONE)
    async def tell_phone(self, message: TellPhone) -> PhoneTold:
        self.world.note(Step.TELL_PHONE, message)
        if not self.is_there:
            return PhoneTold(is_there=False)
        if not self.lives:
            raise ApplicationError("No answer.", type="livekit-unavailable")
        match message.method:
            case PhoneRpc.HANGUP:
                if self.hangup_error is not None:
                    raise self.hangup_error
                report = self.report("hung-up", "us", 30)
                answer = {"ok": True, "answered": report.answered, "ended": report.to_data()}
            case PhoneRpc.TRANSFER:
                if self.on_transfer is not None:
                    await self.on_transfer()
                answer = self.transfer_answer
            case _:
                answer = {"ok": True}
        return PhoneTold(is_there=True, answer=answer)
