"""From a command to Media Bot until its first sample is heard, and until it is silent."""

from __future__ import annotations

import tempfile

from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.line import Line
from tests.agents.media_bot.sounds import mp3, tone
from tests.agents.rig import Rig
from tests.bench.figures import Budget, Figure
from tests.bench.load import Tell

_PLAYS = 20  # of each kind
_HERTZ, _SECONDS = 441.0, 30.0
_KEPT, _NEW = Budget(95, 150), Budget(95, 400)


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Media Bot: command to first sample",
        "One call on a real LiveKit with Media Bot alone, an MP3 of 30 s on a host of this "
        "machine. From before the attributes are written until the first loud 20 ms at the caller; "
        "from the stop's acknowledgement until the last one. Kept: the host is asked whether it is "
        "still the same. New: loaded and decoded. The call's first play, which also publishes the "
        "track, is apart.",
    )
    kept = figure.row("first sample, kept", budget=_KEPT)
    new = figure.row("first sample, new", budget=_NEW)
    first = figure.row("first sample, new, the call's first play")
    silent = figure.row("silent after a stop")
    settings = {"MEDIA_CACHE_FOLDER": tempfile.mkdtemp(prefix="media-")}
    async with AssetHost() as host:
        settings["MEDIA_ASSET_HOSTS"] = host.name
        async with Rig(only=("media-bot",), media_bot=settings) as rig:
            line = await Line.placed(rig, host)
            music = mp3(tone(_HERTZ, _SECONDS))
            host.files["kept.mp3"] = music
            plays = max(2, round(_PLAYS * scale))
            names = ["first.mp3", "kept.mp3"]  # the latter is new here, and left out
            for number in range(plays):
                names += [f"new{number}.mp3", "kept.mp3"]
            for number, name in enumerate(names):
                tell(f"play {number + 1} of {len(names)}")
                host.files.setdefault(name, music)
                at = await line.play(name, loop=True, purpose="hold")
                took = 1000 * (await line.ear.wait_until_heard(0.1, since=at, timeout=6) - at)
                stopped = await line.stop()
                quiet = 1000 * (await line.ear.wait_for_quiet(0.3) - stopped)
                if number == 0:
                    first.add(took)
                elif number > 1:
                    (kept if name == "kept.mp3" else new).add(took)
                    silent.add(quiet)
            await line.caller.leave()
    return figure
