"""By ear, on a real LiveKit: who is held hears the music and nobody else, and nobody hears them.

Everybody speaks all the time, each on a tone of their own: also Atlas, which in truth is silent. It
is deaf, too, by itself (tests/agents/test_hold.py), and keeps its subscription to the caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from livekit import api

from agents.atlas.seclusion import Seclusion
from agents.subscriptions import Subscriptions
from contract.holds import Holder, HoldState
from contract.identity import CALLER_IDENTITY, AgentRole
from contract.rooms import Attribute
from sandbox.caller.caller import Caller
from sandbox.caller.hearing import SAMPLE_RATE
from sandbox.caller.microphone import SAMPLE_RATE as SPOKEN_RATE
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.sounds import mp3, tone
from tests.agents.rig import CallUnderTest, Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

MUSIC = 441.0
TONES = {CALLER_IDENTITY: 600.0, "atlas-1": 900.0, "atlas-2": 1000.0, "human-2": 1300.0}
# Longer than any test lasts.
SPEECH_SECONDS = 60.0
SOON = 1.0  # the promise of an unhold; a hold is quicker
SLICE = 0.1  # seconds
QUIET = 1.0  # seconds
LOUD = 400.0  # of a tone's amplitude; those here have 3000 and more
OURS = frozenset({Holder.OPERATOR})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[AssetHost]:
    async with AssetHost() as host:
        host.files = {"music.mp3": mp3(tone(MUSIC, 3.0))}
        yield host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(host: AssetHost, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("media")
    settings = {"MEDIA_ASSET_HOSTS": host.name, "MEDIA_CACHE_FOLDER": str(folder)}
    async with Rig(only=("media-bot",), media_bot=settings) as rig:
        yield rig


class Somebody:
    """In a room, and speaking without end."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.person = Caller()
        self._seclusion: Seclusion | None = None
        self._speaking: asyncio.Task[object] | None = None

    async def join(self, call: CallUnderTest) -> None:
        here = call.rig.stack.description.livekit_url
        await self.person.join(here, call.rig.token(call.id, self.identity), publish=False)
        if self.identity.startswith("atlas"):
            subscriptions = Subscriptions(call.rig.livekit, self.person.room)
            self._seclusion = Seclusion(self.person.room, CALLER_IDENTITY, subscriptions)
            self._seclusion.start()
        await self.publish()

    async def publish(self) -> None:
        """A microphone track, or another one in its place."""
        local = self.person.room.local_participant
        for sid in list(local.track_publications):
            await local.unpublish_track(sid)
        await self._fall_silent()
        await self.person.open_microphone()
        speech = tone(TONES[self.identity], SPEECH_SECONDS, SPOKEN_RATE)
        self._speaking = asyncio.create_task(self.person.say(speech))

    async def leave(self) -> None:
        await self._fall_silent()
        if self._seclusion is not None:
            await self._seclusion.aclose()
        await self.person.leave()

    async def _fall_silent(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            with suppress(asyncio.CancelledError, RuntimeError):
                await self._speaking

    async def hears(self, whom: str, hertz: float = 0.0, *, since: float = 0.0) -> float:
        """By its tone. Returns when that was heard, at the latest."""
        tone_of = hertz or TONES[whom]
        looked, deadline = since or time.monotonic() - 1.0, time.monotonic() + 6
        while time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            while looked + SLICE < time.monotonic():
                looked += SLICE / 2
                if self._amplitude(tone_of, looked, looked + SLICE) > LOUD:
                    return looked + SLICE
        raise AssertionError(f"{self.identity} never heard {whom}.\n{self._heard_now()}")

    async def falls_deaf_to(self, *whom: str) -> None:
        """For a whole second: whoever subscribes late is heard for a moment until it is noticed."""
        begun, deadline = time.monotonic(), time.monotonic() + 8
        while time.monotonic() < begun + QUIET or any(
            self.heard_since(time.monotonic() - QUIET, each) > LOUD for each in whom
        ):
            assert time.monotonic() < deadline, f"{self.identity} hears.\n{self._heard_now()}"
            await asyncio.sleep(0.05)

    def heard_since(self, at: float, whom: str) -> float:
        """The loudest that one's tone was since then."""
        starts = np.arange(at, time.monotonic(), SLICE / 2)
        return max((self._amplitude(TONES[whom], at, at + SLICE) for at in starts), default=0.0)

    def _amplitude(self, hertz: float, since: float, until: float) -> float:
        """In whatever is heard: a stream whose track was taken away goes on with another track
        (livekit_measured.md section 4), so whose it is called says nothing."""
        pieces = [ear.pcm(since, until) for ear in self.person.voices.values()]
        whole = [piece for piece in pieces if piece.size >= SAMPLE_RATE * SLICE / 2]
        return max((_amplitude(piece.astype(np.float64), hertz) for piece in whole), default=0.0)

    def _heard_now(self) -> dict[str, int]:
        now = time.monotonic()
        return {who: round(self._amplitude(TONES[who], now - SLICE, now)) for who in TONES}


def _amplitude(part: np.ndarray, hertz: float) -> float:
    moments = np.arange(part.size) / SAMPLE_RATE
    window = np.hanning(part.size)
    turned = part * window * np.exp(-2j * np.pi * hertz * moments)
    return float(2 * np.abs(turned.sum()) / window.sum())


class Conference:
    """A caller, Atlas and another human, with Media Bot; all have heard one another."""

    def __init__(self, call: CallUnderTest, host: AssetHost) -> None:
        self.call, self._host = call, host
        self.people: dict[str, Somebody] = {}
        self._seq = 0

    @property
    def caller(self) -> Somebody:
        return self.people[CALLER_IDENTITY]

    @property
    def atlas(self) -> Somebody:
        return self.people["atlas-1"]

    @property
    def human(self) -> Somebody:
        return self.people["human-2"]

    @property
    def other_humans(self) -> list[Somebody]:
        return [each for each in self.people.values() if each.identity.startswith("human")]

    async def enter(self, identity: str) -> Somebody:
        somebody = self.people[identity] = Somebody(identity)
        await somebody.join(self.call)
        return somebody

    async def leave(self) -> None:
        for somebody in self.people.values():
            await somebody.leave()

    async def hold(self, holders: frozenset[Holder] = OURS) -> float:
        """As the workflow does it: `call.hold`, then the music. Returns when it was written."""
        self._seq += 1
        await self._write({Attribute.CALL_HOLD.value: HoldState(self._seq, holders).to_json()})
        at = time.monotonic()
        ours = bool(holders - {Holder.REMOTE})
        await self._write(
            {
                "media.command": "play" if ours else "stop",
                "media.asset_url": self._host.url("music.mp3") if ours else "",
                "media.loop": "true" if ours else "false",
                "media.purpose": "hold" if ours else "",
                "media.command_id": f"m{self._seq}",
            }
        )
        return at

    async def resume(self) -> float:
        return await self.hold(frozenset())

    async def is_isolated(self, *, media_bot: str = "media-bot-1", since: float = 0.0) -> float:
        """The music is heard and all else has fallen silent. Returns since when."""
        await self.caller.hears(media_bot, MUSIC, since=since)
        await self.caller.falls_deaf_to(*(each for each in self.people if each != CALLER_IDENTITY))
        for human in self.other_humans:
            await human.falls_deaf_to(CALLER_IDENTITY)
        return time.monotonic()

    def check(self, since: float) -> None:
        """That nobody was heard since then who must not be."""
        for identity in self.people.keys() - {CALLER_IDENTITY}:
            assert self.caller.heard_since(since, identity) < LOUD, f"heard {identity}"
        for human in self.other_humans:
            assert human.heard_since(since, CALLER_IDENTITY) < LOUD, f"{human.identity} heard"

    async def _write(self, attributes: dict[str, str]) -> None:
        await self.call.rig.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=self.call.id, identity=CALLER_IDENTITY, attributes=attributes
            )
        )


@pytest_asyncio.fixture(loop_scope="module")
async def conference(rig: Rig, host: AssetHost) -> AsyncIterator[Conference]:
    call = await rig.open_call(AgentRole.MEDIA_BOT)
    conference = Conference(call, host)
    for identity in (CALLER_IDENTITY, "atlas-1", "human-2"):
        await conference.enter(identity)
    await call.fact("agent_ready")
    for somebody in conference.people.values():
        for other in conference.people:
            if other != somebody.identity:
                await somebody.hears(other)
    yield conference
    await conference.leave()
    await call.close()


async def test_who_is_held_hears_the_music_alone_and_nobody_hears_them_until_it_ends(
    conference: Conference,
) -> None:
    at = await conference.hold()
    isolated = await conference.is_isolated(since=at)
    await asyncio.sleep(1.5)
    conference.check(isolated)
    # The others go on with one another.
    assert conference.human.heard_since(isolated, "atlas-1") > LOUD
    assert conference.atlas.heard_since(isolated, "human-2") > LOUD
    resumed = await conference.resume()
    atlas_again = await conference.caller.hears("atlas-1", since=resumed)
    human_again = await conference.caller.hears("human-2", since=resumed)
    caller_again = await conference.human.hears(CALLER_IDENTITY, since=resumed)
    times = [round(again - resumed, 2) for again in (atlas_again, human_again, caller_again)]
    print("heard again: Atlas, human, caller", times)
    assert max(times) < SOON


async def test_the_far_sides_own_hold_isolates_nobody(conference: Conference) -> None:
    at = await conference.hold(frozenset({Holder.REMOTE}))
    await conference.caller.hears("atlas-1", since=at + 0.5)
    assert conference.human.heard_since(at + 0.5, CALLER_IDENTITY) > LOUD


async def test_what_comes_during_a_hold_is_held_as_well(conference: Conference) -> None:
    """Atlas publishes another track, a further Atlas and a further human come, and last the caller
    comes in again."""
    isolated = await conference.is_isolated(since=await conference.hold())
    await conference.atlas.publish()
    await conference.enter("atlas-2")
    await conference.human.hears("atlas-2")
    # Atlas denies it before it publishes: not even for a moment.
    assert conference.caller.heard_since(isolated, "atlas-1") < LOUD
    assert conference.caller.heard_since(isolated, "atlas-2") < LOUD
    await conference.human.publish()
    await conference.atlas.hears("human-2", since=time.monotonic())
    isolated = await conference.is_isolated()
    await asyncio.sleep(0.5)
    conference.check(isolated)

    await conference.caller.leave()
    came_back = time.monotonic()
    back = await conference.enter(CALLER_IDENTITY)  # without an attribute: it was lost
    isolated = await conference.is_isolated()
    assert back.heard_since(came_back, "atlas-1") < LOUD
    await asyncio.sleep(0.5)
    conference.check(isolated)
    resumed = await conference.resume()
    assert await back.hears("atlas-1", since=resumed) - resumed < SOON
    assert await conference.human.hears(CALLER_IDENTITY, since=resumed) - resumed < SOON


@pytest.mark.parametrize("ends_meanwhile", [False, True], ids=["goes-on", "ends-meanwhile"])
async def test_a_media_bot_that_dies_in_a_hold_has_a_successor_that_finds_it(
    conference: Conference, ends_meanwhile: bool
) -> None:
    call = conference.call
    isolated = await conference.is_isolated(since=await conference.hold())
    gone = api.RoomParticipantIdentity(room=call.id, identity="media-bot-1")
    await call.rig.livekit.room.remove_participant(gone)
    await eventually(lambda: _is_gone(call), 5, "Media Bot stayed")
    conference.check(isolated)
    if ends_meanwhile:
        await conference.resume()
        await call.dispatch(AgentRole.MEDIA_BOT, generation=2)
    else:
        await call.dispatch(AgentRole.MEDIA_BOT, generation=2)
        await conference.human.publish()  # which nobody but the successor takes away
        await conference.atlas.hears("human-2", since=time.monotonic())
        isolated = await conference.is_isolated(media_bot="media-bot-2")
        await asyncio.sleep(0.5)
        conference.check(isolated)
        await conference.resume()
    since = time.monotonic()
    await conference.caller.hears("atlas-1", since=since)
    await conference.human.hears(CALLER_IDENTITY, since=since)


async def _is_gone(call: CallUnderTest) -> bool:
    return "media-bot-1" not in await call.identities()


async def test_without_media_bot_a_hold_ends_all_the_same(conference: Conference) -> None:
    """It died, and nobody was free to succeed it."""
    call = conference.call
    await conference.is_isolated(since=await conference.hold())
    gone = api.RoomParticipantIdentity(room=call.id, identity="media-bot-1")
    await call.rig.livekit.room.remove_participant(gone)
    await eventually(lambda: _is_gone(call), 5, "Media Bot stayed")
    resumed = await conference.resume()
    await conference.caller.hears("atlas-1", since=resumed)
    await conference.atlas.hears(CALLER_IDENTITY, since=resumed)
    await conference.human.hears(CALLER_IDENTITY, since=resumed)
