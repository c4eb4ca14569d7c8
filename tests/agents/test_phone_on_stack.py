"""Phone calls as Atlas meets them: before the answer, held, and found by a job that comes late."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contract.assistants import Assistant, OpeningMode, OpeningOptions, SilenceOptions
from contract.identity import PHONE_IDENTITY, AgentRole
from contract.rooms import Gate, PhoneState
from tests.agents.phone import ON_ITS_WAY, ScriptedPhone
from tests.agents.rig import CallUnderTest, Rig

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

GREETING = "Welcome to the Blue Door restaurant. How can I help you?"
DOGS = "Dogs are welcome on the terrace."
HOURS = "We are open from noon until eleven, every day but Monday."

DEMO = Assistant(id="demo", name="Demo", opening=OpeningOptions(text=GREETING))
INVENTIVE = Assistant(
    id="inventive",
    name="Inventive",
    opening=OpeningOptions(mode=OpeningMode.GENERATE, text="Greet the caller."),
)
IMPATIENT = Assistant(
    id="impatient",
    name="Impatient",
    opening=OpeningOptions(text=GREETING),
    silence=SilenceOptions(reprompt_after=1.0, reprompts=("Are you still there?",)),
)

PHONES: list[ScriptedPhone] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with Rig(DEMO, INVENTIVE, IMPATIENT, only=("providers", "atlas")) as rig:
        yield rig


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_stays() -> AsyncIterator[None]:
    """Also after a failure: a call that goes on would slow down the next."""
    yield
    for phone in PHONES:
        await phone.leave()
    PHONES.clear()


def a_phone(call: CallUnderTest) -> ScriptedPhone:
    PHONES.append(ScriptedPhone(call))
    return PHONES[-1]


async def ringing(
    rig: Rig, agent_id: str = "demo", gate: Gate = Gate.PHONE_ANSWERED
) -> tuple[CallUnderTest, ScriptedPhone]:
    """A phone that rings, with an Atlas that is ready beside it."""
    call = await rig.open_call(
        AgentRole.ATLAS, agent_id=agent_id, gate=gate, human_identity=PHONE_IDENTITY
    )
    phone = a_phone(call)
    await phone.ring()
    await call.fact("agent_ready")
    return call, phone


async def answered(rig: Rig, agent_id: str = "demo") -> tuple[CallUnderTest, ScriptedPhone]:
    """A call in which the greeting is over."""
    call, phone = await ringing(rig, agent_id)
    await phone.answer()
    await call.says(GREETING)
    return call, phone


async def assert_still_before_the_answer(call: CallUnderTest, phone: ScriptedPhone) -> None:
    await phone.say("What are your opening hours?")
    await asyncio.sleep(1.5)
    assert phone.heard.first_loud() is None
    assert call.turns("caller") == call.turns("assistant") == []
    assert "opening_started" not in [fact["kind"] for fact in await call.facts()]


@pytest.mark.parametrize("by", ["topic", "attribute", "both"])
async def test_nothing_is_said_or_understood_before_the_answer(rig: Rig, by: str) -> None:
    call, phone = await ringing(rig)
    await assert_still_before_the_answer(call, phone)
    at = await phone.answer(topic=by != "attribute", attribute=by != "topic")
    first = await phone.heard.wait_until_heard(since=at)
    assert first - at < 1.0
    await call.says(GREETING)
    assert call.turns("assistant") == [GREETING]
    assert call.turns("caller") == []


async def test_with_another_gate_the_same_check_fails(rig: Rig) -> None:
    call, phone = await ringing(rig, gate=Gate.CALLER_ACTIVE)
    with pytest.raises(AssertionError):
        await assert_still_before_the_answer(call, phone)


async def test_nobody_but_the_phone_opens_the_gate_with_a_topic(rig: Rig) -> None:
    call, phone = await ringing(rig)
    stranger = await call.join("human-1")
    await stranger.room.local_participant.publish_data("{}", topic="call_answered")
    await assert_still_before_the_answer(call, phone)
    await stranger.leave()
    await call.tell("atlas.start")
    await phone.heard.wait_until_heard()


async def test_a_job_that_comes_late_is_not_mute(rig: Rig) -> None:
    call = await rig.open_call(human_identity=PHONE_IDENTITY)
    phone = a_phone(call)
    await phone.ring()
    await phone.answer()
    await call.dispatch(AgentRole.ATLAS, gate=Gate.PHONE_ANSWERED, human_identity=PHONE_IDENTITY)
    await phone.heard.wait_until_heard()
    await call.says(GREETING)


async def test_a_job_that_comes_late_into_a_held_call_waits_for_its_end(rig: Rig) -> None:
    call = await rig.open_call(human_identity=PHONE_IDENTITY)
    phone = a_phone(call)
    await phone.ring()
    await phone.answer()
    await phone.holds(True)
    await call.dispatch(AgentRole.ATLAS, gate=Gate.PHONE_ANSWERED, human_identity=PHONE_IDENTITY)
    await call.fact("agent_ready")
    await asyncio.sleep(1.5)
    assert phone.heard.first_loud() is None
    at = await phone.holds(False)
    assert await phone.heard.wait_until_heard(since=at) - at < 1.0


@pytest.mark.parametrize("agent_id", ["demo", "inventive"])
async def test_the_first_word_is_prepared_while_it_rings(rig: Rig, agent_id: str) -> None:
    call, phone = await ringing(rig, agent_id)
    await asyncio.sleep(2)
    assert phone.heard.first_loud() is None
    at = await phone.answer()
    first = await phone.heard.wait_until_heard(since=at)
    assert first - at < 0.5
    await call.says(GREETING)
    assert (await call.fact("opening_started"))["generation"] == 1


@pytest.mark.parametrize("by", ["topic", "attribute", "rpc"])
async def test_on_hold_nothing_is_heard_and_afterwards_it_goes_on(rig: Rig, by: str) -> None:
    call, phone = await answered(rig)
    await phone.heard.wait_for_quiet()
    await phone.say("What are your opening hours?")
    await phone.heard.wait_until_heard(since=time.monotonic())
    if by == "rpc":
        held = time.monotonic()
        await call.tell("atlas.hold", json.dumps({"seq": 1}))
    else:
        held = await phone.holds(True, topic=by == "topic", attribute=by == "attribute")
    await phone.say("Can I bring my dog?")
    await asyncio.sleep(1.0)
    assert phone.heard.loud_seconds(since=held + ON_ITS_WAY) == 0
    if by == "rpc":
        resumed = time.monotonic()
        await call.tell("atlas.resume", json.dumps({"seq": 2}))
    else:
        resumed = await phone.holds(False, topic=by == "topic", attribute=by == "attribute")
    # The caller did not hear the answer to its end, so it is given again.
    assert await phone.heard.wait_until_heard(since=resumed) - resumed < 1.0
    await call.says(HOURS)
    await phone.heard.wait_for_quiet()
    await phone.say("Can I bring my dog?")
    await call.says(DOGS)
    assert call.turns("caller") == ["What are your opening hours?", "Can I bring my dog?"]


async def test_a_greeting_that_a_hold_cut_off_is_given_again(rig: Rig) -> None:
    call, phone = await ringing(rig)
    at = await phone.answer()
    await phone.heard.wait_until_heard(since=at)
    held = await phone.holds(True)
    await asyncio.sleep(1.0)
    assert phone.heard.loud_seconds(since=held + ON_ITS_WAY) == 0
    resumed = await phone.holds(False)
    assert await phone.heard.wait_until_heard(since=resumed) - resumed < 1.0
    await call.says(GREETING)
    opened = [fact for fact in await call.facts() if fact["kind"] == "opening_started"]
    assert len(opened) == 1


@pytest.mark.parametrize("last_is_hold", [True, False])
async def test_flapping_ends_in_the_last_state(rig: Rig, last_is_hold: bool) -> None:
    call, phone = await answered(rig)
    await phone.heard.wait_for_quiet()
    at = 0.0
    for change in range(20 if last_is_hold else 21):
        at = await phone.holds(change % 2 == (1 if last_is_hold else 0))
        await asyncio.sleep(0.2)
    if not last_is_hold:
        at = await phone.holds(False)
    await phone.say("Can I bring my dog?")
    if last_is_hold:
        await asyncio.sleep(1.5)
        assert phone.heard.loud_seconds(since=at + ON_ITS_WAY) == 0
        assert call.turns("caller") == []
    else:
        await call.says(DOGS)


async def test_nobody_asks_whether_a_held_caller_is_still_there(rig: Rig) -> None:
    call, phone = await answered(rig, "impatient")
    await phone.holds(True)
    await asyncio.sleep(3)
    assert call.turns("assistant") == [GREETING]
    await phone.holds(False)
    await call.says("Are you still there?")
    await phone.write(PhoneState.ENDED)
    await call.close()
