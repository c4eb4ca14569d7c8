"""A real livekit-server, the sandbox's carrier, and a bridge whose legs sit in rooms."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from livekit import api, rtc
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from bridge.legs import Bridge, BridgeOptions
from bridge.room import LiveKitAccess, RoomCall, RoomLeg, RoomLegOptions, RoomLegs
from contract.facts import FactKind
from contract.holds import HoldState
from contract.identity import new_call_id
from contract.phone import LegReport
from contract.rooms import Attribute, RoomMetadata
from sandbox.carrier.carrier import Carrier
from sandbox.carrier.cdr import CallRecord
from sandbox.carrier.scenario import NUMBERS, Step, load
from sandbox.carrier.settings import CarrierSettings
from sandbox.stack import Stack
from tests.bridge.ports import audio_ports

OURS = "+911140001122"


async def eventually(look: Callable[[], Any], patience: float = 15.0, what: str = "") -> Any:
    """What `look` gives, once it is true."""
    until = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < until, what or "it did not come about"
        await asyncio.sleep(0.01)
    return found


@dataclass
class Told:
    """A teller who acknowledges at once, or not until `acknowledges` is set."""

    facts: list[tuple[FactKind, dict[str, Any], datetime]] = field(default_factory=list)
    acknowledges: bool = True
    closed: int = 0
    asked_at: list[float] = field(default_factory=list)

    def tell(self, kind: FactKind, data: dict[str, Any], at: datetime) -> None:
        assert not self.closed
        json.dumps(data)  # it goes over a wire
        self.facts.append((kind, data, at))

    async def told(self, patience: float) -> None:
        self.asked_at.append(time.monotonic())
        if not self.acknowledges:
            await asyncio.sleep(patience)

    async def aclose(self) -> None:
        self.closed += 1

    @property
    def kinds(self) -> list[str]:
        return [kind.value for kind, _, _ in self.facts]

    def of(self, kind: FactKind) -> list[dict[str, Any]]:
        return [data for each, data, _ in self.facts if each == kind]


class Watcher:
    """Somebody in the room: what it is told, and what it sees of the phone."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.messages: list[tuple[str, dict[str, Any], float]] = []
        self.changes: list[dict[str, str]] = []
        self.beats: list[float] = []
        self.left_at: float | None = None
        self._source: rtc.AudioSource | None = None
        self._speaking: asyncio.Task[None] | None = None

    async def join(self, url: str, token: str) -> None:
        self.room.on("data_received", self._message)
        self.room.on("participant_attributes_changed", self._changed)
        self.room.on("participant_disconnected", self._left)
        await self.room.connect(url, token)

    async def leave(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()
        await self.room.disconnect()

    @property
    def phone(self) -> rtc.RemoteParticipant | None:
        return self.room.remote_participants.get("phone")

    @property
    def attributes(self) -> dict[str, str]:
        return dict(self.phone.attributes) if self.phone is not None else {}

    @property
    def hold(self) -> HoldState:
        return HoldState.parse(self.attributes.get(Attribute.CALL_HOLD, "")) or HoldState()

    def heard(self, topic: str) -> list[dict[str, Any]]:
        return [payload for of, payload, _ in self.messages if of == topic]

    async def speak(
        self, hz: float, source: rtc.TrackSource.ValueType = rtc.TrackSource.SOURCE_MICROPHONE
    ) -> rtc.LocalTrackPublication:
        """A tone without end."""
        self._source = rtc.AudioSource(16_000, 1, 100)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        publication = await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=source)
        )
        at = np.arange(1600) / 16_000
        pcm = (8000 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()

        async def go_on(source: rtc.AudioSource) -> None:
            while True:
                await source.capture_frame(rtc.AudioFrame(pcm, 16_000, 1, 1600))

        self._speaking = asyncio.create_task(go_on(self._source))
        return publication

    async def call(self, method: str, **payload: Any) -> dict[str, Any]:
        """As a participant. Raises rtc.RpcError."""
        answer = await self.room.local_participant.perform_rpc(
            destination_identity="phone", method=method, payload=json.dumps(payload)
        )
        found: dict[str, Any] = json.loads(answer)
        return found

    def _message(self, packet: rtc.DataPacket) -> None:
        if packet.topic == "agent.alive":
            self.beats.append(time.monotonic())
        else:
            told = json.loads(packet.data)
            self.messages.append((packet.topic or "", told, time.monotonic()))

    def _changed(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == "phone":
            self.changes.append(dict(changed))

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == "phone":
            self.left_at = time.monotonic()


class Hall:
    """LiveKit and a carrier; `legs` of one bridge, or of several."""

    def __init__(self, stack: Stack, carrier: Carrier, leaving: AsyncExitStack) -> None:
        self.stack = stack
        self.carrier = carrier
        here = stack.description
        self.keys = here.livekit_url, here.livekit_api_key, here.livekit_api_secret
        self.livekit = api.LiveKitAPI(*self.keys)
        self._leaving = leaving

    def target(self, number: str, transport: str = "tcp") -> str:
        ports = {place.transport: place.port for place in self.carrier.bridge.listening}
        return f"sip:{number}@127.0.0.1:{ports[transport]};transport={transport}"

    async def open_bridge(self, ladders: Path | None = None, **changes: Any) -> Table:
        bridge = Bridge(BridgeOptions(ports=audio_ports(), **{"drain": 2.0} | changes))
        await bridge.start()
        self._leaving.push_async_callback(bridge.aclose)
        access = LiveKitAccess(*self.keys)
        self._leaving.push_async_callback(access.aclose)
        legs = RoomLegs(bridge, access, RoomLegOptions(ladder_folder=ladders))
        self._leaving.push_async_callback(legs.drain, 0.0)
        return Table(self, bridge, legs)

    async def open_room(self, **generation: int) -> str:
        name = new_call_id()
        metadata = RoomMetadata(agent_id="demo", call_id=name, generation=generation)
        await self.livekit.room.create_room(
            api.CreateRoomRequest(name=name, metadata=metadata.to_json(), departure_timeout=30)
        )
        return name

    async def set_generations(self, room: str, **generation: int) -> None:
        metadata = RoomMetadata(agent_id="demo", call_id=room, generation=generation)
        await self.livekit.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=room, metadata=metadata.to_json())
        )

    async def join(self, room: str, identity: str = "atlas-1", kind: str = "agent") -> Watcher:
        watcher = Watcher()
        self._leaving.push_async_callback(watcher.leave)
        token = (
            api.AccessToken(*self.keys[1:])
            .with_identity(identity)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
        )
        await watcher.join(self.keys[0], token)
        return watcher

    async def tell(self, room: str, method: str, **payload: Any) -> dict[str, Any]:
        """As the workflow does: RoomService has the method, livekit-api 1.2.2 does not offer it."""
        rooms = self.livekit.room
        answer = await rooms._client.request(
            "RoomService",
            "PerformRpc",
            PerformRpcRequest(
                room=room,
                destination_identity="phone",
                method=method,
                payload=json.dumps(payload),
                response_timeout_ms=8000,
            ),
            rooms._auth_header(api.VideoGrants(room_admin=True, room=room)),
            PerformRpcResponse,
        )
        found: dict[str, Any] = json.loads(answer.payload)
        return found

    async def write(self, room: str, **attributes: str) -> None:
        named = {name.replace("_", "."): text for name, text in attributes.items()}
        await self.livekit.room.update_participant(
            api.UpdateParticipantRequest(room=room, identity="phone", attributes=named)
        )

    async def attributes(self, room: str) -> dict[str, str]:
        """The phone's, as LiveKit has them."""
        who = api.RoomParticipantIdentity(room=room, identity="phone")
        return dict((await self.livekit.room.get_participant(who)).attributes)

    async def identities(self, room: str) -> set[str]:
        found = await self.livekit.room.list_participants(api.ListParticipantsRequest(room=room))
        return {each.identity for each in found.participants}

    async def record(self, leg: RoomLeg) -> CallRecord:
        """The carrier's, of this call."""
        sip_call_id = leg.leg.call.call_id
        found: CallRecord = await eventually(lambda: self.carrier.book.find(sip_call_id))
        return found

    async def do(self, leg: RoomLeg, **step: Any) -> None:
        """The far side's phone does this now."""
        record = await self.record(leg)
        await self.carrier.phones[record.id].do(Step(**step))


@dataclass
class Call:
    room: str
    leg: RoomLeg
    told: Told
    watcher: Watcher
    hall: Hall

    async def over(self, patience: float = 30.0) -> LegReport:
        """Its report; everything that must be true of each end is looked at here."""
        report = await asyncio.wait_for(self.leg.ended(), patience)
        await asyncio.wait_for(self.leg.closed(), patience)
        assert self.told.kinds.count("leg_ended") == 1
        assert self.told.kinds[-1] == "leg_ended"
        assert self.told.facts[-1][1] == report.to_data()
        assert self.told.closed == 1
        until = time.monotonic() + 15.0
        while "phone" in await self.hall.identities(self.room):
            assert time.monotonic() < until, "it stays in the room"
            await asyncio.sleep(0.02)
        return report


@dataclass
class Table:
    """One bridge process, but for the process."""

    hall: Hall
    bridge: Bridge
    legs: RoomLegs

    def order(self, room: str, ending: str, **changes: Any) -> RoomCall:
        number = f"+9198765{ending.rjust(5, '0')}"
        base: dict[str, Any] = {
            "call_id": room,
            "room_name": room,
            "target": self.hall.target(number),
            "to_number": number,
            "from_number": OURS,
            "trunk_id": "trunk_1",
            "hostname": "carrier.example",
        }
        return RoomCall(**base | changes)

    async def dial(self, ending: str, *, told: Told | None = None, **changes: Any) -> Call:
        """In a room of its own in which `atlas-1` sits already."""
        room = await self.hall.open_room(atlas=1, media_bot=1)
        watcher = await self.hall.join(room)
        told = told or Told()
        leg = await self.legs.dial(self.order(room, ending, **changes), told)
        return Call(room, leg, told, watcher, self.hall)

    async def talk(self, ending: str = "0100", **changes: Any) -> Call:
        call = await self.dial(ending, **changes)
        assert await asyncio.wait_for(call.leg.decided(), 30) is not None
        return call


@asynccontextmanager
async def open_hall(folder: Path, stack: Stack) -> AsyncIterator[Hall]:
    settings = CarrierSettings(
        carrier_sip_port=0,
        carrier_http_port=0,
        carrier_rtp_ports="20002-25000",
        carrier_recordings=folder,
        carrier_calls_per_minute=100_000,
    )
    carrier = Carrier(settings, load(NUMBERS))
    await carrier.start()
    try:
        async with AsyncExitStack() as leaving:
            hall = Hall(stack, carrier, leaving)
            leaving.push_async_callback(hall.livekit.aclose)
            yield hall
    finally:
        await carrier.aclose()
