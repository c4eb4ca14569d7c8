from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from livekit import api
from temporalio import activity

from activities.livekit_errors import is_not_found, livekit_errors
from activities.room_rpc import participant_in, perform_rpc
from activities.store_errors import trunk_errors_are_final
from contract.holds import Holder, HoldState
from contract.phone import PhoneSeen, PhoneTold, TellPhone
from contract.rooms import PING_RPC, Attribute, PhoneState, SipAttribute, SipStatus
from contract.steps import HoldWritten, InRoom, LineTaken, Step, TakeLine, WriteHold
from store.database import Database
from store.lines import LineOffer, Lines

_ANSWER_SECONDS, _PING_SECONDS = 2.8, 1.5
# A transfer goes on longer than one question may; who asks again waits for the same one.
_TRANSFER_SECONDS = 40.0
_ASK_AGAIN_SECONDS = 0.2

# What LiveKit SIP says of its phones, as a bridge would.
_STATES: dict[str, str] = {
    SipStatus.RINGING: PhoneState.RINGING,
    SipStatus.AUTOMATION: PhoneState.ANSWERED,
    SipStatus.ACTIVE: PhoneState.ANSWERED,
    SipStatus.HANGUP: PhoneState.ENDED,
}


class PhoneActivities:
    """A phone's line before there is a call, and the phone in its room."""

    def __init__(self, livekit: api.LiveKitAPI, database: Database) -> None:
        self._livekit = livekit
        self._database = database

    @activity.defn(name=Step.TAKE_LINE)
    async def take_line(self, order: TakeLine) -> LineTaken:
        """Asks until there is one or the patience is over. What is taken stays the call's."""
        gives_up = time.monotonic() + order.patience
        while True:
            offer = await self._ask_for_line(order)
            if offer.taken:
                return LineTaken(True)
            left = gives_up - time.monotonic()
            if left <= 0:
                return LineTaken(False, "Every line of the trunk is in use.")
            activity.heartbeat()
            await asyncio.sleep(min(offer.retry_after, left))

    @activity.defn(name=Step.LOOK_FOR_PHONE)
    async def look_for_phone(self, who: InRoom) -> PhoneSeen:
        with livekit_errors("look for the phone"):
            phone = await participant_in(self._livekit, who.room_name, who.identity)
        if phone is None:
            return PhoneSeen(is_there=False)
        status = phone.attributes.get(SipAttribute.CALL_STATUS, "")
        told = phone.attributes.get(Attribute.CALL_STATE)  # only a bridge does
        return PhoneSeen(is_there=True, state=told or _STATES.get(status, ""))

    @activity.defn(name=Step.TELL_PHONE)
    async def tell_phone(self, message: TellPhone) -> PhoneTold:
        """The phone's answer; of one that goes on doing it, its last."""
        gives_up = time.monotonic() + _TRANSFER_SECONDS
        while True:
            with livekit_errors("reach the phone"):
                told = await self._ask(message)
            if not told.answer.get("pending") or time.monotonic() > gives_up:
                return told
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    @activity.defn(name=Step.WRITE_HOLD)
    async def write_hold(self, order: WriteHold) -> HoldWritten:
        """Between the look and the write are milliseconds, in which the bridge may write as well;
        then it or the workflow writes again (contract.holds)."""
        wished = HoldState.parse(order.state)
        assert wished is not None, "the workflow writes well-formed states"
        with livekit_errors("say who holds"):
            human = await participant_in(self._livekit, order.room_name, order.identity)
            if human is None:
                return HoldWritten(is_there=False, seq=wished.seq)
            now = HoldState.parse(human.attributes.get(Attribute.CALL_HOLD, "")) or HoldState()
            merged = _merged(wished, now)
            if merged != now:
                await self._write(order, {Attribute.CALL_HOLD: merged.to_json()})
        return HoldWritten(is_there=True, seq=merged.seq, over=now.seq)

    async def _ask(self, message: TellPhone) -> PhoneTold:
        if await participant_in(self._livekit, message.room_name, message.identity) is None:
            return PhoneTold(is_there=False)
        try:
            answer = await perform_rpc(
                self._livekit,
                message.room_name,
                message.identity,
                message.method,
                message.payload,
                patience=_PING_SECONDS if message.method == PING_RPC else _ANSWER_SECONDS,
            )
        except api.ServerError:
            if await participant_in(self._livekit, message.room_name, message.identity) is None:
                return PhoneTold(is_there=False)  # it left meanwhile
            raise
        return PhoneTold(is_there=True, answer=answer)

    async def _ask_for_line(self, order: TakeLine) -> LineOffer:
        with trunk_errors_are_final():
            async with self._database.session() as session:
                return await Lines(session).take(
                    order.call_id, order.tenant_id, order.trunk_id, datetime.now(UTC)
                )

    async def _write(self, order: WriteHold, attributes: Mapping[str, str]) -> None:
        try:
            await self._livekit.room.update_participant(
                api.UpdateParticipantRequest(
                    room=order.room_name, identity=order.identity, attributes=dict(attributes)
                )
            )
        except api.ServerError as error:
            if not is_not_found(error):
                raise


def _merged(wished: HoldState, now: HoldState) -> HoldState:
    """Ours as they are wished, the far side's as it is. What is there already is not written
    again, as it is after a write whose answer got lost."""
    remote = now.holders & {Holder.REMOTE}
    holders = (wished.holders - {Holder.REMOTE}) | remote
    if now.holders == holders and now.seq >= wished.seq:
        return now
    return HoldState(max(wished.seq, now.seq + 1), holders)
