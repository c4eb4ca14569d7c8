"""Dialling over LiveKit SIP: what it is asked, and what its answers mean. The server here speaks
LiveKit's Twirp as livekit_observed.md section 1 has it; real calls: tests/e2e/phone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from livekit import api
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sip_phones import SipPhoneActivities
from contract.phone import (
    PHONE_THERE_ERROR,
    Dialled,
    DialPhone,
    LegReport,
    NotDialled,
    PhoneTransferred,
    TransferPhone,
)
from contract.steps import InRoom
from store.database import Database
from tests.activities.office import NUMBER, Office, sealed

CANCELED = (408, "canceled", "twirp error unknown: sip request timed out", {})


def refused(status: int, phrase: str, code: str = "resource_exhausted", http: int = 429) -> Any:
    message = f"twirp error unknown: INVITE failed: sip status: {status}: {phrase}"
    meta = {"sip_status_code": str(status), "sip_status": phrase, "error_details": "CgA="}
    return http, code, message, meta


@dataclass
class LiveKit:
    """One room, and who is in it. `dials` says what comes of a dial, `transfers` of a transfer."""

    rooms: bool = True
    people: set[str] = field(default_factory=set)
    dialled: list[api.CreateSIPParticipantRequest] = field(default_factory=list)
    transferred: list[api.TransferSIPParticipantRequest] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    dials: Callable[[], Awaitable[Any]] | None = None
    transfers: Any = None
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        match request.match_info["method"]:
            case "ListRooms":
                rooms = [api.Room(name="room", sid="RM_1")] if self.rooms else []
                return _said(api.ListRoomsResponse(rooms=rooms))
            case "GetParticipant" if "phone" in self.people:
                return _said(api.ParticipantInfo(identity="phone"))
            case "RemoveParticipant":
                if "phone" in self.people:
                    self.people.discard("phone")
                    self.removed.append("phone")
                    self.wake.set()
                    return _said(api.RemoveParticipantResponse())
            case "CreateSIPParticipant":
                asked = api.CreateSIPParticipantRequest.FromString(await request.read())
                self.dialled.append(asked)
                self.is_asked.set()
                failed = await self.dials() if self.dials else None
                return _failed(*failed) if failed else _said(api.SIPParticipantInfo())
            case "TransferSIPParticipant":
                wish = api.TransferSIPParticipantRequest.FromString(await request.read())
                self.transferred.append(wish)
                if isinstance(self.transfers, tuple):
                    return _failed(*self.transfers)
                return _said(self.transfers or api.TransferSIPParticipantResponse())
        return _failed(404, "not_found", "participant does not exist", {})


def _said(message: Any) -> web.Response:
    return web.Response(body=message.SerializeToString(), content_type="application/protobuf")


def _failed(http: int, code: str, message: str, meta: dict[str, str]) -> web.Response:
    body = json.dumps({"code": code, "msg": message, "meta": meta})
    return web.Response(status=http, text=body, content_type="application/json")


@dataclass
class SipOffice(Office):
    livekit: LiveKit
    client: api.LiveKitAPI
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    @property
    def phones(self) -> SipPhoneActivities:
        return SipPhoneActivities(self.desk, self.client, self.client)

    async def dial(self, order: DialPhone) -> Dialled:
        return await self.environment.run(self.phones.dial_phone, order)

    async def fails(self, order: DialPhone) -> ApplicationError:
        with pytest.raises(ApplicationError) as found:
            await self.dial(order)
        assert NUMBER not in str(found.value)
        return found.value

    def comes_to(self, *failure: Any) -> None:
        async def come() -> Any:
            return failure[0] if failure else None

        self.livekit.dials = come


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[SipOffice]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/office.db")
    await database.migrate()
    livekit, app = LiveKit(), web.Application()
    app.router.add_post("/twirp/{service}/{method}", livekit.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = api.LiveKitAPI(f"http://127.0.0.1:{port}", "key", "secret" * 8, failover=False)
    yield SipOffice(database, livekit, client)
    await client.aclose()
    await runner.cleanup()
    await database.aclose()


async def test_the_trunk_is_dialled_as_it_is_kept(office: SipOffice) -> None:
    await office.trunk(sealed("hush"), transport="tls")
    before = datetime.now(UTC)
    order = await office.order(
        dtmf="1w2",
        headers={"X-Campaign": "7"},
        attributes={"crm.ticket": "A-17"},
        ringing_timeout_seconds=20,
    )
    dialled = await office.dial(order)
    assert dialled.refused is None
    assert dialled.answered_at is not None
    assert before <= dialled.answered_at <= datetime.now(UTC)
    (asked,) = office.livekit.dialled
    assert (asked.trunk.hostname, asked.sip_trunk_id) == ("203.0.113.7:5070", "")
    assert asked.trunk.transport == api.SIPTransport.SIP_TRANSPORT_TLS
    assert (asked.trunk.auth_username, asked.trunk.auth_password) == ("acme", "hush")
    assert (asked.sip_call_to, asked.sip_number) == (NUMBER, "+911140001122")
    assert (asked.room_name, asked.participant_identity) == (order.room_name, "phone")
    assert (asked.dtmf, dict(asked.headers)) == ("1w2", {"X-Campaign": "7"})
    assert dict(asked.participant_attributes) == {"crm.ticket": "A-17"}
    assert (asked.ringing_timeout.seconds, asked.max_call_duration.seconds) == (20, 3660)
    assert asked.wait_until_answered
    assert asked.media_encryption == api.SIP_MEDIA_ENCRYPT_ALLOW


async def test_it_rings_no_longer_than_livekit_waits(office: SipOffice) -> None:
    await office.trunk(auth=None, host="2001:db8::7")
    await office.dial(await office.order(ringing_timeout_seconds=180))
    (asked,) = office.livekit.dialled
    assert asked.ringing_timeout.seconds < 80
    assert asked.trunk.hostname == "[2001:db8::7]:5070"
    assert asked.media_encryption == api.SIP_MEDIA_ENCRYPT_DISABLE


@pytest.mark.parametrize(
    ("failure", "status", "phrase"),
    [
        (refused(486, "Busy Here"), 486, "Busy Here"),
        (refused(480, "Temporarily Unavailable"), 480, "Temporarily Unavailable"),
        (refused(603, "Decline", "permission_denied", 403), 603, "Decline"),
        (refused(503, "Service Unavailable", "failed_precondition", 412), 503, None),
        (refused(404, f"No {NUMBER}", "not_found", 404), 404, None),
    ],
    ids=["486", "480", "603", "503", "404"],
)
async def test_the_far_side_refuses(
    office: SipOffice, failure: Any, status: int, phrase: str | None
) -> None:
    await office.trunk(auth=None)
    office.comes_to(failure)
    told = (await office.dial(await office.order())).refused
    assert told is not None
    assert (told.sip_status, told.by, told.answered) == (status, "them", False)
    assert phrase is None or told.sip_phrase == phrase
    assert NUMBER not in str(told.to_data())
    assert str(status) in told.detail


async def test_nobody_answers_in_time(office: SipOffice) -> None:
    await office.trunk(auth=None)

    async def rings_out() -> Any:
        await asyncio.sleep(1)
        return CANCELED

    office.livekit.dials = rings_out
    told = (await office.dial(await office.order(ringing_timeout_seconds=1))).refused
    assert told is not None
    assert (told.reason, told.answered) == ("no-answer", False)


async def test_whoever_removes_it_while_it_rings_is_no_ringing_limit(office: SipOffice) -> None:
    await office.trunk(auth=None)
    office.comes_to(CANCELED)
    error = await office.fails(await office.order(ringing_timeout_seconds=30))
    assert error.type not in {*NotDialled, PHONE_THERE_ERROR}


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ((503, "unavailable", "cpu exhausted", {}), NotDialled.SIP_BUSY),
        ((503, "unavailable", "no response from servers", {}), NotDialled.SIP_AWAY),
        ((500, "internal", "sip not connected (redis required)", {}), NotDialled.SIP_AWAY),
        ((401, "unauthenticated", "invalid token", {}), NotDialled.SIP_AWAY),
        ((400, "invalid_argument", f"bad number {NUMBER}", {}), NotDialled.TRUNK_UNUSABLE),
    ],
)
async def test_livekit_sip_sends_nothing_and_says_why(
    office: SipOffice, failure: Any, kind: NotDialled
) -> None:
    await office.trunk(auth=None)
    office.comes_to(failure)
    assert (await office.fails(await office.order())).type == kind


async def test_livekit_sip_cannot_be_reached(office: SipOffice) -> None:
    await office.trunk(auth=None)
    nowhere = api.LiveKitAPI("http://127.0.0.1:9", "key", "secret" * 8, failover=False)
    phones = SipPhoneActivities(office.desk, office.client, nowhere)
    with pytest.raises(ApplicationError) as found:
        await ActivityEnvironment().run(phones.dial_phone, await office.order())
    await nowhere.aclose()
    assert found.value.type == NotDialled.SIP_AWAY


@pytest.mark.parametrize(
    "failure",
    [(500, "internal", "panic", {}), (408, "deadline_exceeded", "request timed out", {})],
    ids=["failed", "late"],
)
async def test_what_proves_nothing_is_no_end(office: SipOffice, failure: Any) -> None:
    await office.trunk(auth=None)
    office.comes_to(failure)
    error = await office.fails(await office.order())
    assert error.type not in {*NotDialled, PHONE_THERE_ERROR}
    assert len(office.livekit.dialled) == 1


async def test_an_answer_that_is_cut_off_is_not_asked_for_again(office: SipOffice) -> None:
    await office.trunk(auth=None)

    async def cut() -> Any:
        raise ConnectionResetError

    office.livekit.dials = cut
    error = await office.fails(await office.order())
    assert error.type not in {*NotDialled, PHONE_THERE_ERROR}
    assert len(office.livekit.dialled) == 1


async def test_nobody_is_rung_up_twice(office: SipOffice) -> None:
    await office.trunk(auth=None)
    office.livekit.people.add("phone")
    assert (await office.fails(await office.order())).type == PHONE_THERE_ERROR
    assert office.livekit.dialled == []


async def test_nobody_is_rung_up_for_a_room_that_is_gone(office: SipOffice) -> None:
    await office.trunk(auth=None)
    office.livekit.rooms = False
    assert (await office.fails(await office.order())).type == NotDialled.ROOM_GONE
    assert office.livekit.dialled == []


@pytest.mark.parametrize("crosses", [False, True], ids=["cancelled", "answered meanwhile"])
async def test_cancelled_it_has_the_phone_removed(office: SipOffice, crosses: bool) -> None:
    """Also when it comes into the room only then."""
    await office.trunk(auth=None)

    async def comes_late_and_is_removed() -> Any:
        await asyncio.sleep(0.5)
        office.livekit.people.add("phone")
        await office.livekit.wake.wait()
        return None if crosses else CANCELED

    office.livekit.dials = comes_late_and_is_removed
    order = await office.order()
    dialling = asyncio.ensure_future(office.dial(order))
    async with asyncio.timeout(5):
        await office.livekit.is_asked.wait()
    office.environment.cancel()
    told = (await dialling).refused
    assert isinstance(told, LegReport)
    assert (told.reason, told.by, told.answered) == ("cancelled", "us", crosses)
    assert office.livekit.removed[:1] == ["phone"]


async def transfer(office: SipOffice) -> PhoneTransferred:
    order = TransferPhone(
        tenant_id="acme", trunk_id="mumbai", room_name="room", to_number="+919876500199"
    )
    return await office.environment.run(office.phones.transfer_phone, order)


async def test_a_transfer_gets_there(office: SipOffice) -> None:
    await office.trunk(auth=None)
    assert (await transfer(office)).sip_status == 200
    (asked,) = office.livekit.transferred
    assert asked.transfer_to == "sip:+919876500199@203.0.113.7:5070"
    assert (asked.room_name, asked.participant_identity) == ("room", "phone")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (refused(603, "Decline", "permission_denied", 403), 603),
        ((408, "canceled", "no", {"sip_transfer_reason": "STR_RINGING_TIMEOUT"}), 500),
        (api.TransferSIPParticipantResponse(status=api.SIPTransferStatus.STS_TRANSFER_FAILED), 500),
    ],
    ids=["refused", "rings out", "failed without an error"],
)
async def test_a_transfer_is_refused(office: SipOffice, answer: Any, status: int) -> None:
    await office.trunk(auth=None)
    office.livekit.transfers = answer
    assert (await transfer(office)).sip_status == status


async def test_an_error_of_a_transfer_names_no_number(office: SipOffice) -> None:
    await office.trunk(auth=None)
    office.livekit.transfers = (400, "invalid_argument", "bad transfer_to sip:+919876500199@x", {})
    with pytest.raises(ApplicationError) as found:
        await transfer(office)
    assert "919876500199" not in str(found.value)


@pytest.mark.parametrize("was_there", [True, False])
async def test_it_is_put_out_of_the_room(office: SipOffice, was_there: bool) -> None:
    if was_there:
        office.livekit.people.add("phone")
    before = datetime.now(UTC)
    out = await office.environment.run(office.phones.put_out_phone, InRoom("room", "phone"))
    assert out.was_there is was_there
    assert before <= out.at <= datetime.now(UTC)
    assert office.livekit.people == set()
