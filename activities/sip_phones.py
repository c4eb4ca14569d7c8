"""Phones over LiveKit SIP (`livekit-sip`, reached at SIP_API_URL): dialled, transferred.

Whether the phone is answered by now, and that it hung up, Atlas tells, who sees `sip.callStatus`.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import aiohttp
import structlog
from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol.sip import STS_TRANSFER_FAILED
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.dialling_desk import DiallingDesk, heartbeats
from activities.livekit_errors import is_not_found, livekit_errors
from activities.room_rpc import participant_in
from activities.sip_refusals import answer_to_transfer, refusal_of
from activities.store_errors import not_dialled
from contract.identity import PHONE_IDENTITY
from contract.phone import (
    PHONE_THERE_ERROR,
    Dialled,
    DialPhone,
    LegReport,
    NotDialled,
    PhonePutOut,
    PhoneTransferred,
    TransferPhone,
    keys_take,
)
from contract.steps import InRoom, Step
from store.trunks import StoredTrunk

_NAME = "Phone"
_TRANSPORTS = {
    "udp": api.SIPTransport.SIP_TRANSPORT_UDP,
    "tcp": api.SIPTransport.SIP_TRANSPORT_TCP,
    "tls": api.SIPTransport.SIP_TRANSPORT_TLS,
}
# LiveKit's server waits no longer than 80 s for its gateway, and then nobody knows anything.
_LONGEST_RINGING = 75.0
# Beside the ringing and the keys of the order: the way to the carrier and back.
_DIALLING_TAKES = 15.0
# CANCEL needs an answer too, and LiveKit one from its gateway: less than workflows.options allow.
_GIVING_UP = 6.0
_LOOKS_AGAIN = 0.3
_REMOVING = 2.0
_CLOCKS_DIFFER = 0.5
_TRANSFER_RINGS = 30
_AWAY = (aiohttp.ClientError, TimeoutError)

log = structlog.get_logger()


class SipPhoneActivities:
    def __init__(self, desk: DiallingDesk, livekit: api.LiveKitAPI, sip: api.LiveKitAPI) -> None:
        """`sip`: must not try anything twice by itself (`failover=False`): a dial would ring a
        phone twice."""
        self._desk = desk
        self._livekit = livekit
        self._sip = sip

    @activity.defn(name=Step.DIAL_PHONE)
    async def dial_phone(self, order: DialPhone) -> Dialled:
        """Returns when the INVITE has its final answer. Cancelled before it, has the phone removed,
        which sends CANCEL, and returns what came of that."""
        async with heartbeats():
            request = await self._prepare(order)
            dialling = asyncio.create_task(self._create(request))
            dialling.add_done_callback(lambda task: task.cancelled() or task.exception())
            rings_until = time.monotonic() + request.ringing_timeout.seconds - _CLOCKS_DIFFER
            refusal: api.ServerError | None = None
            try:
                await asyncio.shield(dialling)
            except asyncio.CancelledError:
                if not _is_unwanted():  # the call goes on: the workflow looks for its phone
                    raise
                return await self._give_up(order.room_name, dialling)
            except api.ServerError as error:
                refusal = error  # what is raised of it must not bring LiveKit's words along
            if refusal is not None:
                rang_out = time.monotonic() >= rings_until
                return Dialled(refused=refusal_of(refusal, rang_out=rang_out))
            return Dialled(answered_at=datetime.now(UTC))

    @activity.defn(name=Step.TRANSFER_PHONE)
    async def transfer_phone(self, order: TransferPhone) -> PhoneTransferred:
        """Returns what the far side said; 2xx: it got there, and LiveKit SIP says BYE to us."""
        trunk = await self._desk.trunk(order.tenant_id, order.trunk_id)
        request = api.TransferSIPParticipantRequest(
            room_name=order.room_name,
            participant_identity=PHONE_IDENTITY,
            transfer_to=f"sip:{order.to_number}@{_address(trunk)}",
            ringing_timeout=Duration(seconds=_TRANSFER_RINGS),
        )
        with livekit_errors("transfer the phone"):
            try:
                # A server of 1.13 answers with nothing at all: that there is no error says it.
                said = await self._sip.sip.transfer_sip_participant(request)
            except api.SipCallError as error:
                return answer_to_transfer(error)
        if said.status == STS_TRANSFER_FAILED:
            return PhoneTransferred(sip_status=said.sip_status.code or 500, sip_phrase="")
        return PhoneTransferred(sip_status=200, sip_phrase="OK")

    @activity.defn(name=Step.PUT_OUT_PHONE)
    async def put_out_phone(self, who: InRoom) -> PhonePutOut:
        """Within 10 ms LiveKit SIP says BYE to whom it is for (livekit_observed.md section 1)."""
        with livekit_errors("hang up the phone"):
            was_there = await self._is_removed(who.room_name)
        return PhonePutOut(was_there=was_there, at=datetime.now(UTC))

    async def _prepare(self, order: DialPhone) -> api.CreateSIPParticipantRequest:
        try:
            trunk = await self._desk.trunk(order.tenant_id, order.phone.trunk_id)
            request = self._request(order, trunk)
            await self._desk.wait_for_turn(order)
            await self._look(order.room_name)
        except asyncio.CancelledError:
            if not _is_unwanted():
                raise not_dialled(NotDialled.SHUTDOWN, "The worker is being shut down.") from None
            raise
        return request

    def _request(self, order: DialPhone, trunk: StoredTrunk) -> api.CreateSIPParticipantRequest:
        """With the trunk's address and password in it: LiveKit keeps no trunk of ours."""
        phone, transport = order.phone, trunk.config["transport"]
        username, password = self._desk.login(trunk) or ("", "")
        encryption = (
            api.SIP_MEDIA_ENCRYPT_ALLOW if transport == "tls" else api.SIP_MEDIA_ENCRYPT_DISABLE
        )
        return api.CreateSIPParticipantRequest(
            trunk=api.SIPOutboundConfig(
                hostname=_address(trunk),
                transport=_TRANSPORTS[transport],
                auth_username=username,
                auth_password=password,
            ),
            sip_call_to=phone.to_number,
            sip_number=phone.from_number or trunk.config.get("from_number") or "",
            room_name=order.room_name,
            participant_identity=PHONE_IDENTITY,
            participant_name=_NAME,
            participant_attributes=phone.attributes,
            headers=phone.headers,
            dtmf=phone.dtmf,
            ringing_timeout=_seconds(min(phone.ringing_timeout_seconds, _LONGEST_RINGING)),
            max_call_duration=_seconds(order.max_duration_seconds),
            media_encryption=encryption,
            wait_until_answered=True,
        )

    async def _look(self, room_name: str) -> None:
        """A second participant of its name would throw the first out, and ring a phone again."""
        try:
            rooms, phone = await asyncio.gather(
                self._livekit.room.list_rooms(api.ListRoomsRequest(names=[room_name])),
                participant_in(self._livekit, room_name, PHONE_IDENTITY),
            )
        except (api.ServerError, *_AWAY) as error:
            why = f"LiveKit does not answer ({type(error).__name__})."
            raise not_dialled(NotDialled.LIVEKIT_AWAY, why) from error
        if phone is not None:
            sentence = "The room has a phone already."
            raise ApplicationError(sentence, type=PHONE_THERE_ERROR, non_retryable=True)
        if not rooms.rooms:
            raise not_dialled(NotDialled.ROOM_GONE, "There is no such room.")

    async def _create(self, request: api.CreateSIPParticipantRequest) -> None:
        takes = request.ringing_timeout.seconds + keys_take(request.dtmf) + _DIALLING_TAKES
        try:
            await self._sip.sip.create_sip_participant(request, timeout=takes)
        except aiohttp.ClientConnectorError as error:
            raise not_dialled(NotDialled.SIP_AWAY, "LiveKit SIP cannot be reached.") from error
        except _AWAY as error:
            sentence = f"LiveKit SIP did not say what became of the call ({type(error).__name__})."
            raise ApplicationError(sentence, type="livekit-unreachable") from error

    async def _give_up(self, room_name: str, dialling: asyncio.Task[None]) -> Dialled:
        """The phone may not have come into the room yet, so it is looked for until LiveKit SIP has
        said what became of it, or it is time."""
        log.info("dialling_cancelled")
        gives_up = time.monotonic() + _GIVING_UP
        while not dialling.done() and time.monotonic() < gives_up:
            await self._remove(room_name)
            await asyncio.wait({dialling}, timeout=_LOOKS_AGAIN)
        crossed = dialling.done() and not dialling.cancelled() and dialling.exception() is None
        if crossed:
            await self._remove(room_name)
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
        now = datetime.now(UTC)
        return Dialled(
            refused=LegReport(
                reason="cancelled",
                by="us",
                detail="The call was cancelled.",
                answered=crossed,
                answered_at=now if crossed else None,
                ended_at=now,
            )
        )

    async def _remove(self, room_name: str) -> None:
        try:
            async with asyncio.timeout(_REMOVING):
                await self._is_removed(room_name)
        except (api.ServerError, *_AWAY) as error:
            log.warning("phone_not_removed", error=type(error).__name__)

    async def _is_removed(self, room_name: str) -> bool:
        """False: there was none. Raises ServerError, aiohttp.ClientError or TimeoutError."""
        try:
            await self._livekit.room.remove_participant(
                api.RoomParticipantIdentity(room=room_name, identity=PHONE_IDENTITY)
            )
        except api.ServerError as error:
            if not is_not_found(error):
                raise
            return False
        return True


def _is_unwanted() -> bool:
    """The call is over, or its workflow was terminated; else this worker ends, or time is up."""
    why = activity.cancellation_details()
    return why is not None and (why.cancel_requested or why.not_found)


def _address(trunk: StoredTrunk) -> str:
    host, port = trunk.config["host"], trunk.config["port"]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _seconds(seconds: float) -> Duration:
    """Whole ones: livekit-api 1.2 reads no others when it decides how long it waits itself."""
    return Duration(seconds=round(seconds))
