"""What Media Bot is told to play: hold music, clips, a ringback, a busy tone at a bad end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.calls import (
    CallStatus,
    HoldAnswer,
    HoldCommand,
    PlayAnswer,
    PlayCommand,
    StopPlayingCommand,
)
from contract.endings import EndedBy, EndedReason
from contract.facts import FactKind, FactSource
from contract.holds import Holder, HoldState
from contract.identity import AgentRole
from contract.media import media_of
from contract.rooms import PING_RPC, MediaCommand, MediaPurpose
from contract.steps import AgentOrder, Step
from tests.workflows.phone import Phone
from tests.workflows.test_holds import OPERATOR, hold, holds_of
from tests.workflows.test_phone_call import talking
from tests.workflows.world import World

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
unskipped = pytest.mark.usefixtures("unskipped")

API = "http://api:8080"
OWN_MUSIC = "https://assets.example/own.mp3"
DEFAULT_MUSIC = f"{API}/media/hold-music.wav"
MEDIA = media_of(API, {})
OWN = media_of(API, {"media": {"hold_music_url": OWN_MUSIC}})
RINGING = media_of(API, {"media": {"ringback": True}})
CLIP = PlayCommand(requested_by="operator-1", asset_url="https://assets.example/clip.mp3")
STOP = StopPlayingCommand("operator-1")


async def web_call(world: World, task_queue: str, **changes: Any) -> Any:
    call = await world.start(world.request(**({"media": MEDIA} | changes)), task_queue)
    await world.until(Step.OPEN_ROOM)
    await world.tell(call.id, world.caller_joins())
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


async def play(call: Any, command: PlayCommand = CLIP) -> PlayAnswer:
    answer: PlayAnswer = await call.execute_update("play", command, result_type=PlayAnswer)
    return answer


async def refused(call: Any, update: str, command: object) -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as found:
        await call.execute_update(update, command)
    assert isinstance(found.value.cause, ApplicationError)
    return found.value.cause.type


async def caller_hangs_up(world: World, call: Any, sid: str = "PA_1") -> Any:
    await world.tell(call.id, world.caller_leaves(sid))
    return await call.result()


def ordered(world: World) -> list[tuple[str, str]]:
    orders = world.orders(Step.WRITE_MEDIA)
    return [(each.command.value, each.purpose.value if each.purpose else "") for each in orders]


# --- Holds -------------------------------------------------------------------------------------


@unskipped
@pytest.mark.parametrize("kind", ["web", "phone"])
async def test_a_hold_of_ours_has_music_in_a_loop_until_its_end(
    world: World, phone: Phone, task_queue: str, kind: str
) -> None:
    if kind == "web":
        call = await web_call(world, task_queue)
    else:
        call = await talking(world, phone, task_queue, media=MEDIA)
    await hold(call)
    music = await world.until_played(MediaPurpose.HOLD)
    assert (music.asset_url, music.loop) == (DEFAULT_MUSIC, True)
    assert music.identity == ("caller" if kind == "web" else "phone")
    await hold(call, "resume")
    silence = await world.until_played(None)
    assert (silence.asset_url, silence.loop) == ("", False)
    assert silence.command_id != music.command_id
    if kind == "web":
        await caller_hangs_up(world, call)
    else:
        await phone.hang_up(call.id, 60)
        await call.result()
    assert ordered(world) == [("play", "hold"), ("stop", "")]


@unskipped
async def test_the_far_sides_hold_has_no_music(world: World, phone: Phone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue, media=MEDIA)
    await phone.tell(call.id, FactKind.HELD, 20, holder="remote", seq=1)
    await world.until_status(CallStatus.ON_HOLD)
    await hold(call)
    await world.until_played(MediaPurpose.HOLD)
    await hold(call, "resume")
    await world.until_played(None)  # the far side still holds
    await phone.hang_up(call.id, 60)
    await call.result()
    assert ordered(world) == [("play", "hold"), ("stop", "")]


@unskipped
async def test_music_that_cannot_be_played_gives_way_to_the_default_once_and_for_this_call(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue, media=OWN)
    await hold(call)
    own = await world.until_played(MediaPurpose.HOLD)
    assert own.asset_url == OWN_MUSIC
    await world.tell(call.id, world.plays(FactKind.PLAYBACK_FAILED, own))
    default = await world.until_played(MediaPurpose.HOLD, times=2)
    assert (default.asset_url, default.loop) == (DEFAULT_MUSIC, True)
    assert default.command_id != own.command_id
    await hold(call, "resume")
    await world.until_played(None)
    await hold(call)
    again = await world.until_played(MediaPurpose.HOLD, times=3)
    assert again.asset_url == DEFAULT_MUSIC
    # Should that fail as well, it is tried again for as long as somebody is held.
    await world.tell(call.id, world.plays(FactKind.PLAYBACK_FAILED, again))
    await world.until_played(None, times=2)
    fresh = await world.until_played(MediaPurpose.HOLD, times=4)
    assert fresh.asset_url == DEFAULT_MUSIC
    assert fresh.command_id != again.command_id
    await caller_hangs_up(world, call)
    assert ordered(world)[:6] == [
        *(("play", "hold"), ("play", "hold"), ("stop", "")),
        *(("play", "hold"), ("stop", ""), ("play", "hold")),
    ]


@unskipped
async def test_music_that_failed_in_one_hold_is_tried_again_in_the_next(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    await hold(call)
    first = await world.until_played(MediaPurpose.HOLD)
    await world.tell(call.id, world.plays(FactKind.PLAYBACK_FAILED, first))
    await world.until_played(None)
    await hold(call, "resume")
    await hold(call)
    second = await world.until_played(MediaPurpose.HOLD, times=2)
    assert (second.asset_url, second.loop) == (DEFAULT_MUSIC, True)
    assert second.command_id != first.command_id
    await caller_hangs_up(world, call)


@unskipped
async def test_music_stops_for_who_was_reconnecting_when_the_hold_ended(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    await hold(call)
    await world.until_played(MediaPurpose.HOLD)
    await world.tell(call.id, world.caller_leaves("PA_1", "STATE_MISMATCH"))
    world.human_is_there = False
    await hold(call, "resume")
    await world.until_played(None)  # written to nobody
    world.human_is_there = True
    await world.tell(call.id, world.caller_joins("PA_2"))
    await world.until_played(None, times=2)
    await caller_hangs_up(world, call, "PA_2")


@unskipped
async def test_a_page_that_reloads_in_a_hold_hears_the_same_music_on(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    await hold(call)
    first = await world.until_played(MediaPurpose.HOLD)
    await world.tell(call.id, world.caller_leaves("PA_1", why="DUPLICATE_IDENTITY"))
    await world.tell(call.id, world.caller_joins("PA_2"))
    second = await world.until_played(MediaPurpose.HOLD, times=2)
    assert second == first  # Media Bot plays it already, and a successor of it finds the order
    await caller_hangs_up(world, call, "PA_2")


@unskipped
async def test_who_was_away_at_the_end_of_a_hold_is_told_when_they_come_back(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    await hold(call)
    await world.tell(call.id, world.caller_leaves("PA_1", why="DUPLICATE_IDENTITY"))
    world.human_is_there = False
    await hold(call, "resume")
    world.human_is_there = True
    await world.tell(call.id, world.caller_joins("PA_2"))
    await world.until(Step.WRITE_HOLD, times=3)
    states = [HoldState.parse(order.state) for order in world.orders(Step.WRITE_HOLD)]
    assert [state is not None and state.is_held for state in states] == [True, False, False]
    await caller_hangs_up(world, call, "PA_2")


@unskipped
@pytest.mark.parametrize("is_held", [True, False], ids=["held", "not-held"])
async def test_a_media_bot_that_falls_silent_in_a_hold_is_soon_given_up(
    world: World, task_queue: str, is_held: bool
) -> None:
    call = await web_call(world, task_queue)
    if is_held:
        await hold(call)
        await world.until_played(MediaPurpose.HOLD)
    world.silent_agents.add("media-bot-1")
    who = {"role": "media-bot", "generation": 1}
    lost = world.fact(FactKind.AGENT_LOST, FactSource.ATLAS, generation=1, data=who)
    await world.tell(call.id, lost)
    await world.until(Step.DISPATCH_AGENT)
    await caller_hangs_up(world, call)
    [ping] = [each for each in world.orders(Step.TELL_ATLAS) if each.method == PING_RPC]
    assert (ping.patience < 1) is is_held


@unskipped
async def test_the_assistant_holds_by_its_tool_and_an_operator_resumes_for_it(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    asks = world.of_agent(AgentRole.ATLAS, 1, FactKind.HOLD_REQUESTED, seconds=600)
    await world.tell(call.id, asks)
    await world.until_played(MediaPurpose.HOLD)
    assert await refused(call, "resume", OPERATOR) == "call-not-held"
    assistants = HoldCommand("operator-1", holder=Holder.ASSISTANT)
    assert await hold(call, "resume", assistants) == HoldAnswer(())
    await world.until_played(None)
    await caller_hangs_up(world, call)
    assert holds_of(world) == [("held", "assistant"), ("resumed", "assistant")]


async def test_the_assistants_hold_ends_by_itself(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        call = await web_call(world, task_queue, max_duration_seconds=7200)
        asks = world.of_agent(AgentRole.ATLAS, 1, FactKind.HOLD_REQUESTED, seconds=300)
        await world.tell(call.id, asks)
        await world.until_played(MediaPurpose.HOLD)
    await env.fast_forward(call, timedelta(minutes=6))
    with env.with_time_skipping_disabled():
        await world.until_played(None)
        await caller_hangs_up(world, call)
    assert holds_of(world) == [("held", "assistant"), ("resumed", "assistant")]


@unskipped
async def test_an_assistant_that_asks_for_a_hold_too_late_holds_nobody(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    await world.tell(call.id, world.caller_leaves())
    await world.tell(
        call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.HOLD_REQUESTED, seconds=30)
    )
    await call.result()
    assert holds_of(world) == []
    assert ordered(world) == []


# --- Clips -------------------------------------------------------------------------------------


@unskipped
async def test_a_clip_is_played_once_and_nobody_stops_what_has_ended(
    world: World, task_queue: str
) -> None:
    call = await web_call(world, task_queue)
    answer = await play(call)
    clip = await world.until_played(MediaPurpose.CLIP)
    assert (clip.asset_url, clip.loop) == (CLIP.asset_url, False)
    assert answer == PlayAnswer(clip.command_id)
    await world.tell(call.id, world.plays(FactKind.PLAYBACK_ENDED, clip))
    await call.execute_update("stop_playing", STOP)  # there is nothing
    assert await play(call) != answer  # the same again is another play
    await caller_hangs_up(world, call)
    assert ordered(world) == [("play", "clip"), ("play", "clip")]


@unskipped
async def test_a_clip_is_stopped_or_replaced(world: World, task_queue: str) -> None:
    call = await web_call(world, task_queue)
    looped = PlayCommand(requested_by="operator-1", asset_url=CLIP.asset_url, loop=True)
    await play(call, looped)
    await play(call)
    await call.execute_update("stop_playing", STOP)
    await caller_hangs_up(world, call)
    assert ordered(world) == [("play", "clip"), ("play", "clip"), ("stop", "")]
    assert [each.loop for each in world.orders(Step.WRITE_MEDIA)] == [True, False, False]


@unskipped
async def test_a_hold_ends_a_clip_and_refuses_the_next(world: World, task_queue: str) -> None:
    call = await web_call(world, task_queue)
    await play(call)
    await hold(call)
    await world.until_played(MediaPurpose.HOLD)
    assert await refused(call, "play", CLIP) == "call-on-hold"
    await hold(call, "resume")
    await world.until_played(None)  # and the clip does not come back
    await play(call)
    await caller_hangs_up(world, call)
    assert ordered(world) == [("play", "clip"), ("play", "hold"), ("stop", ""), ("play", "clip")]


@unskipped
async def test_a_clip_before_the_answer_is_refused(world: World, task_queue: str) -> None:
    call = await world.start(world.request(media=MEDIA), task_queue)
    await world.until(Step.OPEN_ROOM)
    assert await refused(call, "play", CLIP) == "call-not-answered"
    await world.tell(call.id, world.caller_joins())
    await caller_hangs_up(world, call)


# --- Ringback and busy tone --------------------------------------------------------------------


@unskipped
@pytest.mark.parametrize("asks_for_it", [True, False], ids=["asked", "not-asked"])
async def test_who_waits_for_atlas_hears_it_ring_if_the_assistant_asks_for_it(
    world: World, task_queue: str, asks_for_it: bool
) -> None:
    world.agents_who_come = lambda order: order.role is AgentRole.MEDIA_BOT
    media = RINGING if asks_for_it else MEDIA
    call = await web_call(world, task_queue, media=media)
    if asks_for_it:
        ringing = await world.until_played(MediaPurpose.RINGBACK)
        assert ringing.asset_url == f"{API}/media/ringback.wav"
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.AGENT_READY))
    if asks_for_it:
        await world.until_played(None)
    await caller_hangs_up(world, call)
    assert ordered(world) == ([("play", "ringback"), ("stop", "")] if asks_for_it else [])


async def test_who_was_on_the_line_when_no_atlas_came_hears_a_busy_tone_to_its_end(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    def media_bot_only(order: AgentOrder) -> bool:
        return order.role is AgentRole.MEDIA_BOT

    world.agents_who_come = media_bot_only
    with env.with_time_skipping_disabled():
        call = await web_call(world, task_queue)
        busy = await world.until_played(MediaPurpose.BUSY)
        assert (busy.loop, busy.command) == (False, MediaCommand.PLAY)
        assert Step.CLOSE_ROOM not in world.steps()
        # Media Bot closes the room after the last sample, before anybody else does.
        await world.tell(call.id, world.plays(FactKind.PLAYBACK_ENDED, busy))
        await world.tell(call.id, world.caller_leaves(why="ROOM_DELETED"))
        report = await call.result()
    assert (report.ended_reason, report.ended_by) == (
        EndedReason.ASSISTANT_FAILED,
        EndedBy.PLATFORM,
    )


@pytest.mark.parametrize("who", ["nobody", "media-bot-that-is-deaf"])
async def test_a_busy_tone_is_not_waited_for_without_end(
    world: World, task_queue: str, env: WorkflowEnvironment, who: str
) -> None:
    world.agents_who_come = lambda order: who != "nobody" and order.role is AgentRole.MEDIA_BOT
    with env.with_time_skipping_disabled():
        call = await web_call(world, task_queue)
    report = await call.result()
    assert report.ended_reason is EndedReason.ASSISTANT_FAILED
    assert ordered(world) == ([] if who == "nobody" else [("play", "busy")])
