"""What the stand-in for LiveKit SIP is tried on: a real livekit-server, the sandbox's carrier with
its phone as far side, livekit.api as client, and somebody in the room who sees and hears."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api, rtc

from sandbox.stack import Stack
from tests.bridge.room.audio.room import Person, Server, clearest
from tests.sandbox.recorder.bench import Receiver

PHONE = "phone"
OURS = "+911140001000"
MEDIA_TIMEOUT, FIRST_MEDIA_TIMEOUT = 6.0, 8.0  # s; livekit-sip's own are 15 and 30


class Guest(Person):
    """Somebody in the room, and what is seen from there of the phone, in order."""

    def __init__(self, server: Server, name: str, identity: str) -> None:
        super().__init__(server, name, identity)
        self.statuses: list[str] = []
        self.attributes: dict[str, str] = {}
        self.digits: list[tuple[int, str]] = []
        self.data: list[rtc.DataPacket] = []
        self.room.on("participant_connected", self._came)
        self.room.on("participant_attributes_changed", self._changed)
        self.room.on("sip_dtmf_received", lambda key: self.digits.append((key.code, key.digit)))
        self.room.on("data_received", self.data.append)

    @property
    def phone(self) -> rtc.RemoteParticipant | None:
        return self.room.remote_participants.get(PHONE)

    def hears(self, hertz: float) -> bool:
        return clearest(self.heard, hertz, 16_000) > 0.7

    def _came(self, who: rtc.RemoteParticipant) -> None:
        if who.identity == PHONE:
            self._note(dict(who.attributes))

    def _changed(self, changed: dict[str, str], who: rtc.Participant) -> None:
        if who.identity == PHONE:
            self._note(dict(changed))

    def _note(self, changed: dict[str, str]) -> None:
        self.attributes |= changed
        if "sip.callStatus" in changed:
            self.statuses.append(changed["sip.callStatus"])


@dataclass
class Call:
    """One that was asked for: the room, the guest in it, and the number that was called."""

    bench: Bench
    room: str
    number: str
    guest: Guest
    info: api.SIPParticipantInfo | None = None

    async def until(self, *statuses: str) -> None:
        """Until the guest has seen exactly these, in this order. LiveKit may tell of a phone only
        when it rings already, and repeat (seen once) an older status after a newer one."""
        await eventually(lambda: self.guest.statuses[-1:] == [*statuses[-1:]], statuses[-1])
        seen = list(dict.fromkeys(self.guest.statuses))
        assert seen in ([*statuses], [*statuses[1:]]), self.guest.statuses

    def told(self, event: str) -> list[dict[str, Any]]:
        """The phone as LiveKit's webhooks of this kind have it: who leaves at once is seen by
        nobody in the room."""
        return [
            body["participant"]
            for body in (delivery.body for delivery in self.bench.webhooks.deliveries)
            if (body["event"], body.get("room", {}).get("name")) == (event, self.room)
            and body["participant"]["identity"] == PHONE
        ]

    async def gone(self) -> str:
        """Why LiveKit says that the phone left."""
        await eventually(lambda: self.told("participant_left"), "the phone left")
        reason: str = self.told("participant_left")[0].get("disconnectReason", "none")
        return reason

    async def record(self) -> dict[str, Any]:
        """The carrier's, of the last call to this number."""
        return (await self.records())[-1]

    async def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def look() -> bool:
            found[:] = (await self.bench.carrier("GET", f"calls?to={self.number[1:]}"))["calls"]
            return bool(found)

        await eventually_asked(look, "the carrier knows of the call")
        return found

    async def over(self) -> dict[str, Any]:
        """The carrier's record, once its phone has put down."""
        record: dict[str, Any] = {}

        async def look() -> bool:
            record.update(await self.record())
            return record["ended_at"] is not None

        await eventually_asked(look, "the far side saw an end")
        return record

    async def does(self, **step: Any) -> dict[str, Any]:
        """The far side's phone does this now."""
        record = await self.record()
        done: dict[str, Any] = await self.bench.carrier("POST", f"calls/{record['id']}/step", step)
        return done


class Bench:
    def __init__(
        self,
        stack: Stack,
        webhooks: Receiver,
        http: aiohttp.ClientSession,
    ) -> None:
        here = stack.description
        self.stack, self.webhooks, self.http = stack, webhooks, http
        self.keys = here.livekit_api_key, here.livekit_api_secret
        self.server = Server(here.livekit_url, *self.keys)
        self.livekit = api.LiveKitAPI(here.livekit_url, *self.keys)
        self.control_url = here.stand_ins["sip"].control_url
        self.sip_url = self.control_url.removesuffix("/control")
        self.sip_api = api.LiveKitAPI(self.sip_url, *self.keys)
        self.sip = self.sip_api.sip
        self.carrier_address = here.carrier_address
        self._carrier_url = here.stand_ins["carrier"].control_url
        self._leaving = AsyncExitStack()
        webhooks.verifier = api.WebhookReceiver(api.TokenVerifier(*self.keys))

    async def clear(self) -> None:
        """After each test: nobody is in a room or on the telephone."""
        await self._leaving.aclose()
        await self.clear_faults()

    async def aclose(self) -> None:
        await self.livekit.aclose()
        await self.sip_api.aclose()

    def request(
        self, room: str, number: str, transport: str = "TCP", **fields: Any
    ) -> api.CreateSIPParticipantRequest:
        """Without a trunk of its own id: by the carrier's address."""
        if "sip_trunk_id" not in fields:
            fields.setdefault(
                "trunk",
                api.SIPOutboundConfig(
                    hostname=self.carrier_address,
                    transport=api.SIPTransport.Value(f"SIP_TRANSPORT_{transport}"),
                ),
            )
        return api.CreateSIPParticipantRequest(
            **{
                "sip_call_to": number,
                "sip_number": OURS,
                "room_name": room,
                "participant_identity": PHONE,
            }
            | fields
        )

    async def open(self, ending: str) -> Call:
        """A room with a guest, and a number of its own that ends so; nobody is called yet."""
        room = f"room-{secrets.token_hex(4)}"
        guest = Guest(self.server, room, "atlas-1")
        self._leaving.push_async_callback(guest.leave)
        self._leaving.push_async_callback(self.close_room, room)
        await guest.join()
        return Call(self, room, f"+9198{secrets.randbelow(10**6):06}{ending}", guest)

    async def dial(self, ending: str, **fields: Any) -> Call:
        call = await self.open(ending)
        call.info = await self.sip.create_sip_participant(
            self.request(call.room, call.number, **fields)
        )
        return call

    async def talk(self, ending: str = "0100", **fields: Any) -> Call:
        """Answered, and the guest knows."""
        call = await self.dial(ending, wait_until_answered=True, **fields)
        await eventually(lambda: call.guest.attributes.get("sip.callStatus") == "active", "active")
        return call

    async def participants(self, room: str) -> list[api.ParticipantInfo]:
        try:
            answer = await self.livekit.room.list_participants(
                api.ListParticipantsRequest(room=room)
            )
        except api.ServerError:
            return []
        return list(answer.participants)

    async def close_room(self, room: str) -> None:
        with contextlib.suppress(api.ServerError):  # it is closed already
            await self.livekit.room.delete_room(api.DeleteRoomRequest(room=room))

    async def remove(self, room: str, identity: str = PHONE) -> None:
        who = api.RoomParticipantIdentity(room=room, identity=identity)
        await self.livekit.room.remove_participant(who)

    async def carrier(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self._carrier_url}/{path}"
        async with self.http.request(method, url, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def fault(self, **fault: Any) -> None:
        async with self.http.post(f"{self.control_url}/fault", json=fault) as answer:
            assert answer.status == 200, await answer.text()

    async def clear_faults(self) -> None:
        async with self.http.delete(f"{self.control_url}/fault") as answer:
            assert answer.status == 200

    async def log(self) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.control_url}/log") as answer:
            entries: list[dict[str, Any]] = await answer.json()
            return entries


async def eventually(look: Callable[[], Any], what: str, patience: float = 30.0) -> None:
    async def asked() -> bool:
        return bool(look())

    await eventually_asked(asked, what, patience)


async def eventually_asked(look: Callable[[], Any], what: str, patience: float = 30.0) -> None:
    until = time.monotonic() + patience
    while not await look():
        assert time.monotonic() < until, f"Not within {patience:g} s: {what}."
        await asyncio.sleep(0.03)


@asynccontextmanager
async def open_bench() -> AsyncIterator[Bench]:
    settings = {
        "sip": {
            "LIVEKIT_SIP_MEDIA_TIMEOUT_SECONDS": str(MEDIA_TIMEOUT),
            "LIVEKIT_SIP_FIRST_MEDIA_SECONDS": str(FIRST_MEDIA_TIMEOUT),
        }
    }
    parts = ["livekit", "sip", "carrier"]
    webhooks = Receiver()
    application = web.Application()
    application.router.add_post("/hook", webhooks.receive)
    async with (
        TestServer(application) as receiver,
        Stack(
            free_ports=True,
            only=parts,
            settings=settings,
            webhook_url=str(receiver.make_url("/hook")),
        ) as stack,
        aiohttp.ClientSession() as http,
    ):
        bench = Bench(stack, webhooks, http)
        yield bench
        await bench.aclose()
