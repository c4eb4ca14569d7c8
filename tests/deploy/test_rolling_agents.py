"""An agent is replaced under live calls: the old one keeps its callers, the new one gets more."""

from __future__ import annotations

import os
import signal

import pytest
from livekit import api

from sandbox.stack import Part, Stack
from tests.e2e.conversation import GREETING
from tests.e2e.replica import second_agent_server
from tests.e2e.switchboard import Switchboard, WebCall, eventually

# A whole stack and one process more: an Atlas that takes 15 s to come has failed its call.
pytestmark = [pytest.mark.stack, pytest.mark.real_time]

PARTS = ["temporal", "livekit", "s3", "providers", "api", "worker", "atlas"]


async def agents_in(switchboard: Switchboard, call: WebCall) -> set[str]:
    request = api.ListParticipantsRequest(room=call.room)
    listed = await switchboard.livekit.room.list_participants(request)
    return {each.identity for each in listed.participants if each.identity.startswith("atlas-")}


@pytest.mark.timeout(300)
async def test_callers_keep_the_atlas_they_have() -> None:
    drain = {"atlas": {"AGENT_DRAIN_SECONDS": "120"}}
    async with (
        Stack(free_ports=True, only=PARTS, settings=drain) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        # Silent callers would be asked whether they are still there, and left, while the second
        # process starts: it takes its time where others work beside it.
        patient = await switchboard.make_assistant(
            opening={"mode": "say", "text": GREETING}, silence={"reprompt_after": 300}
        )
        old_call = await switchboard.place_call(patient)
        caller = await old_call.join()
        await caller.heard.wait_until_heard(0.5, timeout=40)
        async with second_agent_server(stack, Part.ATLAS):
            ask_to_end(stack)
            new_call = await switchboard.place_call(patient)
            other_caller = await new_call.join()
            await other_caller.heard.wait_until_heard(0.5, timeout=40)

            # The first caller was not moved, and is still answered.
            assert await agents_in(switchboard, old_call) == {"atlas-1"}
            already = len(await old_call.transcript())
            # Typed: no sound has to be understood on a busy machine, and the answer is the same.
            question = "What are your opening hours?"
            await caller.room.local_participant.send_text(question, topic="lk.chat")
            turns = await old_call.turns(already + 2, timeout=60)
            assert [turn["speaker"] for turn in turns[already:]] == ["caller", "assistant"], turns
            assert await agents_in(switchboard, old_call) == {"atlas-1"}

            # With its last call the old process ends by itself, long before its patience does.
            assert stack.is_running("atlas")
            await caller.leave()
            await eventually(lambda: has_ended(stack), timeout=30, otherwise="the old Atlas stays")
            assert await agents_in(switchboard, new_call) == {"atlas-1"}
            await other_caller.leave()


def ask_to_end(stack: Stack) -> None:
    """As Docker does; `Stack.kill` would wait until it is gone."""
    (pid, *_) = stack.pids("atlas")
    os.kill(pid, signal.SIGTERM)


async def has_ended(stack: Stack) -> bool:
    return not stack.is_running("atlas")
