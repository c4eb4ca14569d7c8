"""Assets of the tests: sounds that are told apart by their spectrum, in every format."""

from __future__ import annotations

import io
import wave
from typing import Any

import av
import numpy as np
import numpy.typing as npt

RATE = 44_100
LOUDNESS = 10_000

Samples = npt.NDArray[np.int16]


def tone(hertz: float, seconds: float, rate: int = RATE, loudness: int = LOUDNESS) -> Samples:
    moments = np.arange(round(seconds * rate)) / rate
    return np.rint(loudness * np.sin(2 * np.pi * hertz * moments)).astype(np.int16)


def wav(samples: Samples, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.repeat(samples, channels).tobytes())
    return file.getvalue()


def mp3(samples: Samples, rate: int = RATE) -> bytes:
    return _encoded("mp3", "libmp3lame", "s16p", "mono", samples, rate)


def flac(samples: Samples, rate: int = RATE) -> bytes:
    return _encoded("flac", "flac", "s16", "mono", samples, rate)


def vorbis(samples: Samples, rate: int = RATE) -> bytes:
    # FFmpeg's own encoder, which knows stereo only.
    return _encoded("ogg", "vorbis", "fltp", "stereo", samples, rate, strict="experimental")


def loudest_hertz(samples: npt.NDArray[Any], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate / samples.size)


def part_at(samples: npt.NDArray[Any], hertz: float, rate: int) -> float:
    """How much of the power is that tone's: 1 is all of it."""
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    middle = round(hertz * samples.size / rate)
    width = max(3, round(5 * samples.size / rate))
    return float(power[max(0, middle - width) : middle + width + 1].sum() / max(power.sum(), 1e-9))


def _encoded(
    container: str,
    codec: str,
    sample_format: str,
    layout: str,
    samples: Samples,
    rate: int,
    **options: str,
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate, layout=layout, options=options)
        stream.codec_context.format = sample_format
        as_wanted = av.AudioResampler(format=sample_format, layout=layout, rate=rate)
        # Each channel as it is: FFmpeg would make mono quieter when it becomes stereo.
        channels = np.repeat(samples, 2 if layout == "stereo" else 1)[np.newaxis, :]
        frame = av.AudioFrame.from_ndarray(channels, format="s16", layout=layout)
        frame.sample_rate = rate
        for each in [*as_wanted.resample(frame), *as_wanted.resample(None)]:
            out.mux(stream.encode(each))
        out.mux(stream.encode(None))
    return file.getvalue()
