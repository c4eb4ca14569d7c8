"""From a file's bytes to what goes on the track. Knows no event loop: it runs in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import av
import miniaudio  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from agents.media_bot.playback.bad_asset import BadAsset

Samples = npt.NDArray[np.int16]

SAMPLE_RATE = 48_000
VOLUME = 0.6  # media_bot.txt
MAX_SECONDS = 120
_RATES = range(8_000, 192_001)
_PIECE = 16_384  # samples that are decoded at a time
_OVERLAP = 240  # samples at 48 kHz, 5 ms: longer than the resampler remembers

# MP3 last: its decoder looks for anything that resembles a frame.
_FORMATS: tuple[Callable[[bytes], miniaudio.SoundFileInfo], ...] = (
    miniaudio.wav_get_info,
    miniaudio.flac_get_info,
    miniaudio.vorbis_get_info,
    miniaudio.mp3_get_info,
)


def decode(data: bytes, unwanted: threading.Event) -> Samples:
    """48 kHz mono at the volume at which it is played; raises BadAsset.

    What the host says of the content is not asked: the decoder finds out. Nothing that is longer
    than the longest asset is ever in memory. `unwanted`: give up, nobody waits any more.
    """
    rate = _sample_rate(data)
    # Read at its own rate: a resampler that starts anew would be heard where a loop begins again.
    pieces = _decoded(data, rate, unwanted)
    return np.concatenate(list(pieces)) if rate == SAMPLE_RATE else _resampled(pieces, rate)


def _sample_rate(data: bytes) -> int:
    for info_of in _FORMATS:
        try:
            rate = int(info_of(data).sample_rate)
        except (miniaudio.MiniaudioError, ValueError):
            continue
        if rate in _RATES:
            return rate
    raise BadAsset("it is not audio that can be decoded")


def _decoded(data: bytes, rate: int, unwanted: threading.Event) -> Iterator[Samples]:
    count = 0
    try:
        for piece in miniaudio.stream_memory(
            data, nchannels=1, sample_rate=rate, frames_to_read=_PIECE
        ):
            count += len(piece)
            if count > MAX_SECONDS * rate:
                raise BadAsset(f"it is longer than {MAX_SECONDS} s")
            if unwanted.is_set():
                raise BadAsset("nobody wants it any more")
            yield (np.frombuffer(piece, dtype=np.int16) * np.float32(VOLUME)).astype(np.int16)
    except miniaudio.MiniaudioError:
        raise BadAsset("it is not audio that can be decoded") from None
    if count == 0:
        raise BadAsset("there is no sound in it")


def _resampled(pieces: Iterator[Samples], rate: int) -> Samples:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    found: list[Samples] = []
    count = 0
    first: Samples | None = None

    def push(piece: Samples | None) -> None:
        frame = None
        if piece is not None:
            frame = av.AudioFrame.from_ndarray(piece[np.newaxis, :], format="s16", layout="mono")
            frame.sample_rate = rate
        found.extend(out.to_ndarray()[0].astype(np.int16) for out in resampler.resample(frame))

    for piece in pieces:
        first = piece if first is None else first
        count += piece.size
        push(piece)
    assert first is not None
    push(first)  # once more from the beginning, as a loop goes on
    push(None)
    return _closed(np.concatenate(found), round(count * SAMPLE_RATE / rate))


def _closed(samples: Samples, length: int) -> Samples:
    """So long, with its beginning blended from what follows its end into what it was: where the
    loop closes the resampler then went straight on."""
    overlap = min(_OVERLAP, length, samples.size - length)
    fade = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
    again = samples[length : length + overlap] * (1 - fade)
    samples[:overlap] = np.rint(samples[:overlap] * fade + again).astype(np.int16)
    return samples[:length]
