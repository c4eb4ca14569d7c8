"""What a loop loses, doubles or breaks where it begins again."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from agents.media_bot.playback.decoding import SAMPLE_RATE, VOLUME, Samples, decode
from agents.media_bot.playback.track import pieces
from sandbox.caller import hearing
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.line import Line
from tests.agents.media_bot.sounds import LOUDNESS, flac, mp3, tone, vorbis, wav
from tests.agents.rig import Rig
from tests.bench.figures import Budget, Figure
from tests.bench.load import Tell

# Whole periods in each asset, so that a loop without a seam is one tone without end.
HERTZ, SECONDS = 441.0, 3.0
_FORMATS: tuple[tuple[str, Callable[[Samples, int], bytes], int, Budget | None], ...] = (
    ("MP3, 44.1 kHz", mp3, 44_100, Budget(100, 0)),
    ("MP3, 48 kHz", mp3, 48_000, Budget(100, 0)),
    ("WAV, 16 kHz", wav, 16_000, Budget(100, 0)),
    ("FLAC, 44.1 kHz", flac, 44_100, Budget(100, 0)),
    ("OGG of an encoder that fills its last block", vorbis, 44_100, None),
)
_ROUNDS = 4
_NEAR = 0.01  # s to each side of a seam
_WINDOW, _AWAY = 0.3, 0.1  # s: how long, and how far from the seam, which jitter buffers move
_HEARD = 10  # seams at the caller

Floats = npt.NDArray[np.float64]


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Media Bot: the seam of a loop",
        f"A tone of {HERTZ:g} Hz, {SECONDS:g} s, which is whole periods: looped it is one tone "
        "without end. On the track: what the player hands to LiveKit, in samples of 48 kHz; too "
        "many or missing is by the asset's length and by the tone's phase after a seam against "
        "that before it, error is the largest difference from the ideal tone within "
        f"{_NEAR * 1000:.0f} ms of a seam. At the caller, behind Opus and the jitter buffer, the "
        "phase alone tells, which does not see whole periods of 109 samples; beside it the same "
        "at the middle of the loop, where no seam is.",
    )
    for name, encode, rate, budget in _FORMATS:
        tell(f"seam of {name}")
        asset = encode(tone(HERTZ, SECONDS, rate), rate)
        samples = await asyncio.to_thread(decode, asset, threading.Event())
        row = figure.row(f"too many or missing, {name}", unit="samples", budget=budget)
        error = figure.row(f"error at the seam, {name}", unit="% of the tone")
        looped = on_the_track(samples)
        for number in range(1, _ROUNDS):
            row.add(off(samples, looped, number * samples.size))
            error.add(100 * error_at(looped, number * samples.size))
    await _at_the_caller(figure, scale, tell)
    return figure


def on_the_track(samples: Samples) -> Floats:
    """So many rounds of it as the player hands them on."""
    count = _ROUNDS * samples.size
    found: list[Samples] = []
    for piece in pieces(samples, repeat=True):
        found.append(piece)
        count -= piece.size
        if count <= 0:
            break
    return np.concatenate(found).astype(np.float64)


def off(samples: Samples, looped: Floats, seam: int) -> float:
    """Whole samples too many or missing there."""
    length = abs(samples.size - round(SECONDS * SAMPLE_RATE))
    window = round(_NEAR * SAMPLE_RATE)
    before, after = (phase(looped, at, window, SAMPLE_RATE) for at in (seam - window, seam))
    return max(length, round(abs(shift(before, after))))


def error_at(looped: Floats, seam: int) -> float:
    """As a part of the tone's amplitude."""
    near = round(_NEAR * SAMPLE_RATE)
    moments = np.arange(seam - near, seam + near)
    # Where the decoder begins is its own affair: measured away from any seam.
    begin = phase(looped, SAMPLE_RATE, SAMPLE_RATE, SAMPLE_RATE)
    level = LOUDNESS * VOLUME
    ideal = level * np.cos(2 * np.pi * HERTZ * moments / SAMPLE_RATE + begin)
    return float(np.abs(looped[seam - near : seam + near] - ideal).max() / level)


def phase(sound: Floats, start: int, size: int, rate: int) -> float:
    """Of the tone in that window, against one that began with the sound: the same everywhere in
    a tone that goes on."""
    moments = np.arange(start, start + size)
    turned = sound[start : start + size] * np.exp(-2j * np.pi * HERTZ * moments / rate)
    return float(np.angle(np.sum(turned * np.hanning(size))))


def shift(before: float, after: float) -> float:
    """In samples of 48 kHz, up to half a period either way."""
    turned = np.angle(np.exp(1j * (after - before)))
    return float(turned / (2 * np.pi) * SAMPLE_RATE / HERTZ)


def jump(sound: Floats, at: float, rate: int) -> float:
    """How much the phase after that moment (s) differs from the one before it, in samples."""
    size = round(_WINDOW * rate)
    before = phase(sound, round((at - _AWAY) * rate) - size, size, rate)
    after = phase(sound, round((at + _AWAY) * rate), size, rate)
    return abs(shift(before, after))


async def _at_the_caller(figure: Figure, scale: float, tell: Tell) -> None:
    seam = figure.row("phase at the caller, over a seam", unit="samples")
    middle = figure.row("phase at the caller, middle of the loop", unit="samples")
    count = max(2, round(_HEARD * scale))
    async with AssetHost() as host:
        host.files["loop.mp3"] = mp3(tone(HERTZ, SECONDS))
        settings = {
            "MEDIA_CACHE_FOLDER": tempfile.mkdtemp(prefix="media-"),
            "MEDIA_ASSET_HOSTS": host.name,
        }
        async with Rig(only=("media-bot",), media_bot=settings) as rig:
            line = await Line.placed(rig, host)
            tell(f"{count} seams at the caller")
            at = await line.play("loop.mp3", loop=True, purpose="hold")
            seconds = (count + 1) * SECONDS
            first = await line.ear.wait_until_heard(seconds, since=at, timeout=2 * seconds + 10)
            heard = line.ear.pcm(first).astype(np.float64)
            await line.caller.leave()
    for number in range(1, count + 1):
        seam.add(jump(heard, number * SECONDS, hearing.SAMPLE_RATE))
        middle.add(jump(heard, (number - 0.5) * SECONDS, hearing.SAMPLE_RATE))
