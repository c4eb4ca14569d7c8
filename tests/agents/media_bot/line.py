"""A caller in a call with Media Bot, and the hand that writes the attributes."""

from __future__ import annotations

import itertools
import time

import pytest
from livekit import api

from contract.identity import CALLER_IDENTITY, AgentRole
from sandbox.caller.caller import Caller
from sandbox.caller.hearing import SAMPLE_RATE, Hearing
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.sounds import loudest_hertz
from tests.agents.rig import CallUnderTest, Rig, eventually

MEDIA_BOT = "media-bot-1"
_ids = itertools.count(1)


class Line:
    def __init__(self, call: CallUnderTest, caller: Caller, host: AssetHost) -> None:
        self.call, self.caller, self.host = call, caller, host

    @classmethod
    async def placed(cls, rig: Rig, host: AssetHost) -> Line:
        call = await rig.open_call(AgentRole.MEDIA_BOT)
        line = cls(call, await call.join(), host)
        await call.fact("agent_ready")
        # LiveKit shows a participant once its audio path stands.
        await eventually(line.sees_media_bot, 5, "the caller never saw Media Bot")
        return line

    @property
    def ear(self) -> Hearing:
        return self.caller.voices.setdefault(MEDIA_BOT, Hearing())

    async def write(self, **attributes: str) -> float:
        await self.call.rig.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=self.call.id,
                identity=CALLER_IDENTITY,
                attributes={f"media.{name}": value for name, value in attributes.items()},
            )
        )
        return time.monotonic()

    async def play(
        self, name: str, *, loop: bool = False, purpose: str = "", command_id: str = ""
    ) -> float:
        """Returns when the attributes were about to be written."""
        at = time.monotonic()
        await self.write(
            command="play",
            asset_url=self.host.url(name),
            loop="true" if loop else "false",
            purpose=purpose,
            command_id=command_id or f"c{next(_ids)}",
        )
        return at

    async def stop(self) -> float:
        return await self.write(command="stop", command_id=f"c{next(_ids)}")

    async def hears(self, hertz: float, *, since: float, seconds: float = 0.5) -> float:
        """Returns when it began."""
        first = await self.ear.wait_until_heard(seconds, since=since, timeout=6)
        heard = self.ear.pcm(first + 0.1, first + seconds)
        assert loudest_hertz(heard, SAMPLE_RATE) == pytest.approx(hertz, abs=8)
        return first

    async def sees_media_bot(self) -> bool:
        return MEDIA_BOT in self.caller.room.remote_participants

    async def told(self) -> list[str]:
        facts = await self.call.facts()
        return [fact["kind"] for fact in facts if fact["kind"].startswith("playback")]
