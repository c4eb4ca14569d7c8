"""Media Bot is told to transcribe at the answer, and what it tells of that is in the record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from contract.calls import CallStatus, LanguageAnswer, LanguageCommand
from contract.facts import FactKind, FactSource
from contract.identity import AgentRole
from contract.rooms import PING_RPC
from contract.steps import AgentOrder, Step
from tests.workflows.phone import Phone
from tests.workflows.test_phone_call import ringing
from tests.workflows.world import World

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("unskipped"),
]

USAGE = [{"what": "stt", "provider": "deepgram", "quantity": "9.5", "unit": "audio_seconds"}]


async def talking(world: World, task_queue: str, **request: Any) -> Any:
    wishes = {"transcribe": True, "language": "en-GB"} | request
    call = await world.start(world.request(**wishes), task_queue)
    await world.until(Step.OPEN_ROOM)
    await world.tell(call.id, world.caller_joins())
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


async def change_language(call: Any, language: str) -> LanguageAnswer:
    answer: LanguageAnswer = await call.execute_update(
        "language", LanguageCommand("operator-1", language), result_type=LanguageAnswer
    )
    return answer


async def refused(call: Any, language: str = "de") -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as found:
        await change_language(call, language)
    assert isinstance(found.value.cause, ApplicationError)
    return found.value.cause.type


async def hang_up(world: World, call: Any, *generations: int) -> None:
    for generation in generations:
        usage = world.of_agent(
            AgentRole.MEDIA_BOT, generation, FactKind.USAGE_REPORTED, items=USAGE
        )
        await world.tell(call.id, usage)
    await world.tell(call.id, world.caller_leaves())
    await call.result()


def told(world: World) -> list[tuple[str, str, str, bool]]:
    return [
        (order.identity, order.language, order.command_id, order.is_deaf)
        for order in world.orders(Step.WRITE_TRANSCRIPTION)
    ]


def lines(world: World, *kinds: str) -> list[str]:
    return [entry.text for entry in world.entries if entry.kind in kinds]


def of_media_bot(world: World, kind: FactKind, generation: int = 1, **data: Any) -> Any:
    shown = {"participant": "caller", "detail": f"{kind.value}."}
    return world.of_agent(AgentRole.MEDIA_BOT, generation, kind, **(shown | data))


async def test_media_bot_transcribes_from_the_answer_on_and_its_seconds_are_billed(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    await hang_up(world, call, 1)
    assert told(world) == [("media-bot-1", "en-GB", "stt-1-0", False)]
    assert lines(world, "transcription_started") == ["Transcription began, in en-GB."]
    [bill] = world.orders(Step.SETTLE_BILL)
    assert [(item.provider, item.quantity) for item in bill.usage] == [("deepgram", "9.5")]
    assert bill.usage_complete


async def test_whoever_is_rung_up_is_not_transcribed_before_the_answer(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue, transcribe=True, language="ar")
    assert Step.WRITE_TRANSCRIPTION not in world.steps()
    assert await refused(call) == "call-not-answered"
    await phone.pick_up(call.id)
    await world.until(Step.WRITE_TRANSCRIPTION)
    usage = world.of_agent(AgentRole.MEDIA_BOT, 1, FactKind.USAGE_REPORTED, items=USAGE)
    await world.tell(call.id, usage)
    await phone.hang_up(call.id, 60)
    await call.result()
    assert told(world) == [("media-bot-1", "ar", "stt-1-0", False)]


async def test_a_room_of_others_is_transcribed_as_its_assistant_wants(
    world: World, task_queue: str
) -> None:
    world.transcribes = True
    call = await talking(world, task_queue, assistant_id=None, adopted=True, language=None)
    await world.until(Step.WRITE_TRANSCRIPTION)
    await hang_up(world, call, 1)
    assert told(world) == [("media-bot-1", "en-US", "stt-1-0", False)]


async def test_a_call_without_transcription_costs_nothing_and_has_no_language_to_change(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue, transcribe=False)
    assert await refused(call) == "call-not-transcribed"
    await world.tell(call.id, world.caller_leaves())
    await call.result()
    assert Step.WRITE_TRANSCRIPTION not in world.steps()


async def test_a_new_language_is_a_new_command_and_the_same_one_is_none(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    assert await change_language(call, "de") == LanguageAnswer("de")
    assert await change_language(call, "de") == LanguageAnswer("de")
    assert told(world)[1:] == [("media-bot-1", "de", "stt-1-1", False)]
    await hang_up(world, call, 1)
    assert lines(world, "transcription_language") == [
        "The language of the transcription is now de."
    ]


async def test_a_revived_media_bot_is_told_the_newest_language(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue)
    await change_language(call, "de")
    world.silent_agents.add("media-bot-1")
    who = {"role": "media-bot", "generation": 1}
    lost = world.fact(FactKind.AGENT_LOST, FactSource.ATLAS, generation=1, data=who)
    await world.tell(call.id, lost)
    await world.until(Step.DISPATCH_AGENT)
    await world.until(Step.WRITE_TRANSCRIPTION, times=3)
    pings = [order for order in world.orders(Step.TELL_ATLAS) if order.method == PING_RPC]
    assert [order.identity for order in pings] == ["media-bot-1"]
    assert told(world)[-1] == ("media-bot-2", "de", "stt-2-1", False)
    await hang_up(world, call, 2)
    assert lines(world, "transcription_resumed") == ["Transcription goes on: Media Bot is back."]
    [bill] = world.orders(Step.SETTLE_BILL)
    assert not bill.usage_complete  # nobody will ever know what the first one used


async def test_a_media_bot_that_cannot_be_told_is_told_again_and_the_call_goes_on(
    world: World, task_queue: str
) -> None:
    world.deaf_media_bots.add("media-bot-1")
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    world.deaf_media_bots.clear()
    await world.until(Step.WRITE_TRANSCRIPTION, times=2)
    await hang_up(world, call, 1)
    assert lines(world, "transcription_started") == ["Transcription began, in en-GB."]


async def test_without_media_bot_the_call_goes_on_untranscribed(
    world: World, task_queue: str
) -> None:
    def only_atlas(order: AgentOrder) -> bool:
        return order.role is AgentRole.ATLAS

    world.agents_who_come = only_atlas
    call = await talking(world, task_queue)
    assert await change_language(call, "de") == LanguageAnswer("de")
    await world.tell(call.id, world.caller_leaves())
    await call.result()
    assert Step.WRITE_TRANSCRIPTION not in world.steps()


async def test_while_nobody_hears_the_caller_atlas_is_to_tell_their_turns(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    degraded, restored = FactKind.TRANSCRIPTION_DEGRADED, FactKind.TRANSCRIPTION_RESTORED
    # Another provider hears, then another human is not heard: nothing for Atlas to do.
    for data in ({"fallback": "groq"}, {"fallback": None, "participant": "human-2"}):
        await world.tell(call.id, of_media_bot(world, degraded, provider="deepgram", **data))
    await world.tell(call.id, of_media_bot(world, degraded, provider="groq", fallback=None))
    await world.until(Step.WRITE_TRANSCRIPTION, times=2)
    await world.tell(call.id, of_media_bot(world, restored, provider="deepgram"))
    await world.until(Step.WRITE_TRANSCRIPTION, times=3)
    await hang_up(world, call, 1)
    assert [(command, is_deaf) for _, _, command, is_deaf in told(world)] == [
        ("stt-1-0", False),
        ("stt-1-0", True),
        ("stt-1-0", False),
    ]
    data = [entry.data for entry in world.entries if entry.kind == degraded]
    assert [(each["speaker"], each["fallback"]) for each in data] == [
        ("caller", "groq"),
        ("human-2", None),
        ("caller", None),
    ]
    assert len(lines(world, restored)) == 1


async def test_a_negative_run_is_on_the_timeline_for_whoever_may_act_on_it(
    world: World, task_queue: str
) -> None:
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    sentence = "The caller has been strongly negative for 3 turns."
    run = of_media_bot(world, FactKind.NEGATIVE_RUN, turns=3, compound=-0.71, detail=sentence)
    await world.tell(call.id, run)
    await hang_up(world, call, 1)
    [entry] = [entry for entry in world.entries if entry.kind == FactKind.NEGATIVE_RUN]
    assert entry.text == sentence
    assert (entry.data["speaker"], entry.data["turns"], entry.data["compound"]) == (
        "caller",
        3,
        -0.71,
    )


async def test_its_seconds_are_billed_although_the_closed_room_throws_it_out_first(
    world: World, task_queue: str
) -> None:
    """As LiveKit does, 10 ms after; its own report comes after the call's last words."""
    call = await talking(world, task_queue)
    await world.until(Step.WRITE_TRANSCRIPTION)
    for kind, data in ((FactKind.OPENING_STARTED, {}), (FactKind.USAGE_REPORTED, {"items": []})):
        await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, kind, **data))
    await world.tell(call.id, world.caller_leaves())
    await world.until(Step.CLOSE_ROOM)
    thrown_out = {
        "identity": "media-bot-1",
        "participant_kind": "agent",
        "disconnect_reason": "ROOM_DELETED",
    }
    await world.tell(call.id, world.fact(FactKind.PARTICIPANT_LEFT, data=thrown_out))
    await asyncio.sleep(0.3)
    usage = world.of_agent(AgentRole.MEDIA_BOT, 1, FactKind.USAGE_REPORTED, items=USAGE)
    await world.tell(call.id, usage)
    await call.result()
    (bill,) = world.orders(Step.SETTLE_BILL)
    assert [(item.provider, item.quantity) for item in bill.usage] == [("deepgram", "9.5")]
    assert bill.usage_complete
