"""Who is killed without a word is noticed by the others, long before LiveKit notices it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from contract.assistants import Assistant, OpeningMode, OpeningOptions
from contract.identity import PHONE_IDENTITY, AgentRole
from contract.rooms import Gate
from sandbox.stack.site import CHECKOUT
from tests.agents.phone import ScriptedPhone
from tests.agents.rig import CallUnderTest, Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

DEMO = Assistant(id="demo", name="Demo", opening=OpeningOptions(mode=OpeningMode.WAIT))
# Of a fact on its way through Temporal, and of the query that finds it.
TELLING = 0.3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with Rig(DEMO, only=("providers", "atlas", "media-bot")) as rig:
        yield rig


async def beating(
    rig: Rig, call: CallUnderTest, identity: str, role: str
) -> asyncio.subprocess.Process:
    kind = "sip" if role == "phone" else "standard"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.agents.beating_process"),
        *(rig.stack.description.livekit_url, rig.token(call.id, identity, kind), role),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"beats\n"
    return process


async def open_call(rig: Rig, *roles: AgentRole) -> CallUnderTest:
    call = await rig.open_call(*roles, gate=Gate.PHONE_ANSWERED, human_identity=PHONE_IDENTITY)

    async def all_ready() -> bool:
        return len(await of_kind(call, "agent_ready")) == len(roles)

    await eventually(all_ready, 15, "not all agents came")
    return call


async def of_kind(call: CallUnderTest, kind: str) -> list[dict[str, Any]]:
    return [fact for fact in await call.facts() if fact["kind"] == kind]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_killed_phone_is_noticed_by_both_agents_within_two_seconds(rig: Rig) -> None:
    call = await open_call(rig, AgentRole.ATLAS, AgentRole.MEDIA_BOT)
    phone = await beating(rig, call, PHONE_IDENTITY, "phone")
    await asyncio.sleep(3)
    assert await of_kind(call, "phone_lost") == []
    killed_at = datetime.now(UTC)
    phone.send_signal(signal.SIGKILL)

    async def both_told() -> list[dict[str, Any]] | None:
        told = await of_kind(call, "phone_lost")
        return told if len(told) == 2 else None

    told = await eventually(both_told, 4, "the phone was not missed")
    assert {fact["source"] for fact in told} == {"atlas", "media-bot"}
    for fact in told:
        assert (moment(fact["at"]) - killed_at).total_seconds() < 2.0 + TELLING
        heard = moment(fact["data"]["last_heard_at"])
        assert -0.7 < (heard - killed_at).total_seconds() < 0.1
    await call.close()


async def test_a_killed_atlas_is_noticed_by_media_bot(rig: Rig) -> None:
    call = await open_call(rig, AgentRole.MEDIA_BOT)
    atlas = await beating(rig, call, "atlas-1", "atlas")
    atlas.send_signal(signal.SIGKILL)
    lost = await call.fact("agent_lost", patience=4)
    assert lost["source"] == "media-bot"
    assert lost["data"] == {"role": "atlas", "generation": 1}
    await call.close()


async def test_a_phone_that_leaves_properly_is_not_lost(rig: Rig) -> None:
    call = await open_call(rig, AgentRole.MEDIA_BOT)
    phone = ScriptedPhone(call)
    await phone.ring()
    await phone.room.local_participant.publish_data(
        '{"role": "phone", "generation": 1}', topic="agent.alive"
    )
    await phone.leave()
    await asyncio.sleep(3)
    assert await of_kind(call, "phone_lost") == []
    await call.close()


async def test_a_browser_need_not_beat(rig: Rig) -> None:
    call = await open_call(rig, AgentRole.MEDIA_BOT)
    browser = await call.join(PHONE_IDENTITY)  # of kind standard
    await browser.room.local_participant.publish_data(
        '{"role": "phone", "generation": 1}', topic="agent.alive"
    )
    await asyncio.sleep(3)
    assert await of_kind(call, "phone_lost") == []
    await browser.leave()
    await call.close()


async def test_nobody_is_lost_while_livekit_starts_anew(rig: Rig) -> None:
    call = await open_call(rig, AgentRole.MEDIA_BOT)
    phone = await beating(rig, call, PHONE_IDENTITY, "phone")
    await rig.stack.kill("livekit")
    await asyncio.sleep(3)
    await rig.stack.start_process("livekit")
    await rig.stack.wait_until_ready("livekit")
    await asyncio.sleep(6)
    assert await of_kind(call, "phone_lost") == []
    phone.kill()
    await phone.wait()
