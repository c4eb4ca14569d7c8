"""What the stand-in for LiveKit SIP is tried on: a real livekit-server, the sandbox's carrier with
its phone as far side, livekit.api as client, and somebody in the room who sees and hears."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from livekit import api, rtc

from sandbox.stack import Stack
from tests.bridge.room.audio.room import Person, Server, clearest

PHONE = "phone"
OURS = "+911140001000"
MEDIA_TIMEOUT, FIRST_MEDIA_TIMEOUT = 3.0, 5.0  # s; livekit-sip's own are 15 and 30


class Guest(Person):
    """Somebody in the room, and what is seen from there of the phone, in order."""

    def __init__(self, server: Server, name: str, identity: str) -> None:
        super().__init__(server, name, identity)
        self.statuses: list[str] = []
        self.attributes: dict[str, str] = {}
        self.left: list[str] = []
        self.digits: list[tuple[int, str]] = []
        self.data: list[rtc.DataPacket] = []
        self.room.on("participant_connected", self._came)
        self.room.on("participant_attributes_changed", self._changed)
        self.room.on("participant_disconnected", self._left)
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

    def _left(self, who: rtc.RemoteParticipant) -> None:
        if who.identity == PHONE:
            reason = who.disconnect_reason
            self.left.append("none" if reason is None else rtc.DisconnectReason.Name(reason))


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
        when it rings already."""
        seen = self.guest.statuses
        await eventually(lambda: seen[-1:] == [*statuses[-1:]], statuses[-1])
        assert seen in ([*statuses], [*statuses[1:]]), seen

    async def gone(self) -> str:
        """Why LiveKit says that the phone left."""
        await eventually(lambda: self.guest.left, "the phone left")
        return self.guest.left[0]

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
            return record["ended_at"] is not None and (
                record["heard"] is not None or not record["answered"]
            )

        await eventually_asked(look, f"the far side saw an end: {record}")
        return record

    async def does(self, **step: Any) -> dict[str, Any]:
        """The far side's phone does this now."""
        record = await self.record()
        done: dict[str, Any] = await self.bench.carrier("POST", f"calls/{record['id']}/step", step)
        return done


class Bench:
    def __init__(self, stack: Stack, http: aiohttp.ClientSession, leaving: AsyncExitStack) -> None:
        here = stack.description
        self.stack, self.http = stack, http
        self.keys = here.livekit_api_key, here.livekit_api_secret
        self.server = Server(here.livekit_url, *self.keys)
        self.livekit = api.LiveKitAPI(here.livekit_url, *self.keys)
        self.control_url = here.stand_ins["sip"].control_url
        self.sip_url = self.control_url.removesuffix("/control")
        self.sip_api = api.LiveKitAPI(self.sip_url, *self.keys)
        self.sip = self.sip_api.sip
        self.carrier_address = here.carrier_address
        self._carrier_url = here.stand_ins["carrier"].control_url
        self._leaving = leaving

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


async def eventually(look: Callable[[], Any], what: str, patience: float = 15.0) -> None:
    async def asked() -> bool:
        return bool(look())

    await eventually_asked(asked, what, patience)


async def eventually_asked(look: Callable[[], Any], what: str, patience: float = 15.0) -> None:
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
    async with (
        Stack(free_ports=True, only=parts, settings=settings) as stack,
        aiohttp.ClientSession() as http,
        AsyncExitStack() as leaving,
    ):
        bench = Bench(stack, http, leaving)
        leaving.push_async_callback(bench.aclose)
        yield bench
