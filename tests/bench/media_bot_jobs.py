"""How many rooms one core bears, by what each takes of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contract.identity import AgentRole
from tests.agents.rig import eventually
from tests.bench.figures import Figure, Measured
from tests.bench.load import Tell
from tests.bench.media_bot_calls import MUSIC, MediaBotRig
from tests.bench.processes import Tree

# None: it plays and nobody is transcribed.
_KINDS: tuple[tuple[str, str | None], ...] = (
    ("playing", None),
    ("playing, English at Deepgram", "en-US"),
    ("playing, German at Groq (voice detector here)", "de-DE"),
    ("playing, Arabic at ElevenLabs", "ar-SA"),
)
_ROOMS = 2  # of a kind at once
_WINDOW, _WINDOWS = 5.0, 4  # s
_SETTLE = 2.0  # s, until what a beginning costs is over
_CALLS = 5  # that come and go


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Media Bot: rooms a core",
        f"User and system time of all of Media Bot's processes, in windows of {_WINDOW:g} s, with "
        f"{_ROOMS} rooms of a kind, less what they use when idle; by room, as a part of one core. "
        "In each room somebody speaks without pause and is transcribed while music plays, more "
        "than any real call asks for. Rooms a core: how many of these times fill one, which is a "
        "bound, as nothing is left then for peaks, for LiveKit or for anybody else. A call's "
        "coming and going: from its dispatch until its process is gone and another one has taken "
        "its place.",
    )
    idle = figure.row("idle", unit="% of a core")
    rows = [
        (
            figure.row(f"a room: {name}", unit="% of a core"),
            figure.row(f"rooms a core: {name}", unit="rooms"),
        )
        for name, _ in _KINDS
    ]
    going = figure.row("a call's coming and going", unit="CPU s")
    windows = max(1, round(_WINDOWS * min(1.0, scale)))
    async with MediaBotRig.running(tempfile.mkdtemp(prefix="media-")) as media_bot:
        processes = len((await media_bot.look()).pids)
        tell("idle")
        for _ in range(windows):
            idle.add(100 * await _rate(media_bot))
        at_rest = idle.percentile(50)
        for (name, language), (share, rooms) in zip(_KINDS, rows, strict=True):
            tell(f"{_ROOMS} rooms {name}")
            async with _rooms(media_bot, language, _SETTLE + (windows + 1) * _WINDOW):
                await asyncio.sleep(_SETTLE)
                for _ in range(windows):
                    percent = (100 * await _rate(media_bot) - at_rest) / _ROOMS
                    share.add(percent)
                    rooms.add(100 / percent)
            await media_bot.settled(processes)
        for number in range(max(1, round(_CALLS * min(1.0, scale)))):
            tell(f"call {number + 1} comes and goes")
            await _comes_and_goes(media_bot, processes, at_rest, going)
    return figure


def cpu_between(before: Tree, after: Tree) -> float:
    """Of all processes, those that have ended meanwhile and were waited for with them."""
    return after.cpu_seconds - before.cpu_seconds


async def _rate(media_bot: MediaBotRig) -> float:
    """CPU seconds a second."""
    before, begun = await media_bot.look(), time.monotonic()
    await asyncio.sleep(_WINDOW)
    after, ended = await media_bot.look(), time.monotonic()
    return cpu_between(before, after) / (ended - begun)


@asynccontextmanager
async def _rooms(
    media_bot: MediaBotRig, language: str | None, seconds: float
) -> AsyncIterator[None]:
    """Rooms of a kind, in which somebody talks for so long at least."""
    if language is None:
        lines = [await media_bot.playing() for _ in range(_ROOMS)]
        talks: list[asyncio.Task[None]] = []
    else:
        calls = [await media_bot.transcribed(language) for _ in range(_ROOMS)]
        lines = [call.line for call in calls]
        for line in lines:
            await line.play(MUSIC, loop=True, purpose="clip")
        talks = [
            asyncio.create_task(call.talk(number, 2 * seconds)) for number, call in enumerate(calls)
        ]
    for line in lines:
        await line.ear.wait_until_heard(0.1)
    try:
        yield
    finally:
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for line in lines:
            await line.caller.leave()
            await line.call.close()


async def _comes_and_goes(
    media_bot: MediaBotRig, processes: int, at_rest: float, row: Measured
) -> None:
    before, begun = await media_bot.look(), time.monotonic()
    call = await media_bot.rig.open_call(AgentRole.MEDIA_BOT)
    await call.fact("agent_ready", patience=30)
    await call.close()

    async def has_its_place_taken() -> bool:
        pids = media_bot.rig.stack.pids("media-bot")
        return len(pids) == processes and pids != before.pids

    await eventually(has_its_place_taken, 30, "a call's process never ended")
    used = cpu_between(before, await media_bot.look())
    row.add(used - at_rest / 100 * (time.monotonic() - begun))
