"""All calls of the process, and the methods of the API that have to do with them."""

from __future__ import annotations

import asyncio

from livekit import rtc
from livekit.protocol.sip import (
    CreateSIPParticipantRequest,
    SIPParticipantInfo,
    TransferSIPParticipantRequest,
    TransferSIPParticipantResponse,
)

from bridge.addresses import in_uri
from bridge.sip.extra_headers import checked
from sandbox.livekit_sip import refusals
from sandbox.livekit_sip.call import Call
from sandbox.livekit_sip.order import Order
from sandbox.livekit_sip.place import Place
from sandbox.livekit_sip.trunks import Trunks
from sandbox.twirp import TwirpError

_TRANSFER_PATIENCE = 30.0  # s


class Gateway:
    def __init__(self, place: Place, trunks: Trunks) -> None:
        self._place, self._trunks = place, trunks
        self._calls: dict[tuple[str, str], Call] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def create(self, asked: CreateSIPParticipantRequest) -> SIPParticipantInfo:
        """Dials each time it is asked: nothing is looked at, as with livekit-sip. Who is there by
        that identity already is thrown out by LiveKit."""
        if self._is_closing:
            raise refusals.failed("unavailable", "no response from servers")
        order = Order.of(asked, self._trunks, in_uri(self._place.bridge.address))
        call = Call(self._place, order)
        await call.join()
        self._keep(call)
        call.dial()
        info = SIPParticipantInfo(
            participant_id=call.seat.sid,
            participant_identity=order.identity,
            room_name=order.room_name,
            sip_call_id=order.call_id,
        )
        if order.waits:
            await call.answered()
        return info

    async def transfer(
        self, asked: TransferSIPParticipantRequest
    ) -> TransferSIPParticipantResponse:
        call = self._calls.get((asked.room_name, asked.participant_identity))
        if call is None:
            raise refusals.failed("not_found", "participant does not exist")
        scheme, _, number = asked.transfer_to.partition(":")
        if scheme not in ("sip", "tel") or not number:
            words = "transfer_to must be a valid sip or tel URI"
            raise TwirpError("invalid_argument", words)
        try:
            headers = checked(dict(asked.headers))
        except ValueError as wrong:
            raise TwirpError("invalid_argument", str(wrong)) from None
        # The bridge's REFER has no tel: URIs; the number is one of the same trunk's.
        target = call.at(number) if scheme == "tel" else asked.transfer_to
        patience = asked.ringing_timeout.seconds or _TRANSFER_PATIENCE
        await call.transfer(target, headers, patience)
        return TransferSIPParticipantResponse()

    async def aclose(self) -> None:
        """BYE for all, and out of their rooms."""
        self._is_closing = True
        for call in self._calls.values():
            call.end(rtc.DisconnectReason.SERVER_SHUTDOWN)
        if self._watching:
            await asyncio.wait(self._watching)

    def _keep(self, call: Call) -> None:
        """The later one of two with the same identity is the one that is there."""
        key = call.order.room_name, call.order.identity
        self._calls[key] = call
        task = asyncio.create_task(self._watch(key, call))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watch(self, key: tuple[str, str], call: Call) -> None:
        await call.over.wait()
        if self._calls.get(key) is call:
            del self._calls[key]
