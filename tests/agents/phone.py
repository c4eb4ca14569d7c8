"""A scripted phone: the participant that the bridge puts into a room, without any SIP behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from datetime import UTC, datetime

from livekit import api
from livekit.rtc.participant import PublishDataError

from contract.holds import Holder, HoldState
from contract.identity import PHONE_IDENTITY
from contract.rooms import PHONE_ALIVE, Attribute, PhoneState, Topic
from sandbox.caller.caller import Caller
from tests.agents.rig import CallUnderTest

# Of speech that was in LiveKit and in the listener's jitter buffer when the hold began, on a
# machine that does other things as well.
ON_ITS_WAY = 0.25


class ScriptedPhone(Caller):
    """Says what the bridge says: attributes through RoomService, topics as itself."""

    def __init__(self, call: CallUnderTest) -> None:
        super().__init__()
        self._call = call
        self._beating: asyncio.Task[None] | None = None
        self.hold = HoldState()

    async def ring(self) -> None:
        """Be in the room, and not answered."""
        rig = self._call.rig
        await self.join(
            rig.stack.description.livekit_url, rig.token(self._call.id, PHONE_IDENTITY, "sip")
        )
        await self.write(PhoneState.RINGING)

    async def answer(self, *, topic: bool = True, attribute: bool = True) -> float:
        """Returns the moment (time.monotonic) at which the 200 OK would have come."""
        at = time.monotonic()
        if topic:
            await self.publish(
                Topic.CALL_ANSWERED, json.dumps({"at": datetime.now(UTC).isoformat()})
            )
        if attribute:
            await self.write(PhoneState.ANSWERED)
        return at

    async def holds(self, held: bool, *, topic: bool = True, attribute: bool = True) -> float:
        """The far side presses hold, or takes the call back. Returns the moment."""
        at = time.monotonic()
        self.hold = self.hold.with_holder(Holder.REMOTE, held)
        if topic:
            name = Topic.CALL_HOLD if held else Topic.CALL_RESUME
            await self.publish(name, self.hold.to_json())
        if attribute:
            await self.write(PhoneState.HELD if held else PhoneState.ANSWERED, hold=self.hold)
        return at

    async def publish(self, topic: str, payload: str) -> None:
        await self.room.local_participant.publish_data(payload, topic=topic)

    async def write(self, state: PhoneState, hold: HoldState | None = None) -> None:
        attributes = {Attribute.CALL_STATE.value: state.value}
        if hold is not None:
            attributes[Attribute.CALL_HOLD.value] = hold.to_json()
        await self._call.rig.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=self._call.id, identity=PHONE_IDENTITY, attributes=attributes
            )
        )

    def beat(self) -> None:
        self._beating = asyncio.create_task(self._beat())

    async def fall_silent(self) -> None:
        """As a killed process does: still listed in the room, and never heard of again."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            self._beating = None

    async def leave(self) -> None:
        await self.fall_silent()
        await super().leave()

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(PublishDataError):
                payload = json.dumps({"role": PHONE_ALIVE, "generation": 1})
                await self.publish(Topic.AGENT_ALIVE, payload)
            await asyncio.sleep(0.5)
