"""Between samples and the bytes of the vendors' audio formats."""

from __future__ import annotations

import io
import re
import wave
from dataclasses import dataclass

import av
import numpy as np

from sandbox.providers.mouth import Samples

_FORMAT = re.compile(r"(pcm|mp3|ulaw|alaw)_(\d{4,5})(?:_(\d{2,3}))?")
_MP3_RATES = (22050, 24000, 44100)
_CODECS = {"mp3": "libmp3lame", "ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}
_PCM_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)


class BadAudio(ValueError):
    """Bytes that hold no audio, or a format not known here. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Format:
    """An ElevenLabs output_format, https://elevenlabs.io/docs/api-reference/text-to-speech."""

    codec: str
    rate: int
    kilobits: int = 0

    @classmethod
    def parse(cls, name: str) -> Format:
        found = _FORMAT.fullmatch(name)
        if found:
            codec, rate, kilobits = found[1], int(found[2]), int(found[3] or 0)
            if codec == "mp3" and rate in _MP3_RATES and 16 <= kilobits <= 192:
                return cls(codec, rate, kilobits)
            if codec == "pcm" and rate in _PCM_RATES and not kilobits:
                return cls(codec, rate)
            if codec in ("ulaw", "alaw") and rate == 8000 and not kilobits:
                return cls(codec, rate)
        raise BadAudio(f"The output format {name[:40]!r} is not supported.")

    @property
    def mime_type(self) -> str:
        return {"mp3": "audio/mpeg", "pcm": "audio/pcm"}.get(self.codec, "audio/basic")


class Encoder:
    """Encodes one stream piece by piece; `finish` gives what is still held back."""

    def __init__(self, form: Format) -> None:
        self._rate = form.rate
        self._context: av.AudioCodecContext | None = None
        self._fifo = av.AudioFifo()
        self._written = 0
        if form.codec != "pcm":
            context = av.CodecContext.create(_CODECS[form.codec], "w")
            assert isinstance(context, av.AudioCodecContext)
            context.sample_rate = form.rate
            context.layout = "mono"
            context.format = "s16p" if form.codec == "mp3" else "s16"
            if form.codec == "mp3":
                context.bit_rate = form.kilobits * 1000
            self._context = context

    def encode(self, samples: Samples) -> bytes:
        if self._context is None:
            return samples.astype("<i2").tobytes()
        return self._packets(samples, last=False)

    def finish(self) -> bytes:
        return b"" if self._context is None else self._packets(np.zeros(0, np.int16), last=True)

    def _packets(self, samples: Samples, *, last: bool) -> bytes:
        assert self._context is not None
        if samples.size:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples)[None, :], self._context.format.name, "mono"
            )
            frame.sample_rate = self._rate
            frame.pts = self._written
            self._written += samples.size
            self._fifo.write(frame)
        self._context.open(strict=False)
        size = self._context.frame_size or max(self._fifo.samples, 1)
        packets = []
        while piece := self._fifo.read(size, partial=last):
            packets += self._context.encode(piece)
        if last:
            packets += self._context.encode(None)
        return b"".join(bytes(packet) for packet in packets)


def decode_file(data: bytes) -> tuple[Samples, int]:
    """Mono samples and rate of an uploaded file: WAV, or whatever PyAV reads."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() == 2 and file.getframerate() >= 8000:
                frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
                channels = file.getnchannels()
                return frames[: frames.size // channels * channels : channels], file.getframerate()
    except (wave.Error, EOFError, ValueError):
        pass
    try:
        with av.open(io.BytesIO(data), "r") as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)
            pieces = [
                piece.to_ndarray().reshape(-1)
                for frame in container.decode(audio=0)
                for piece in resampler.resample(frame)
            ]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise BadAudio("The file could not be decoded as audio.") from error
    if not pieces:
        raise BadAudio("The file holds no audio.")
    return np.concatenate(pieces).astype(np.int16), 16000


def from_wire(data: bytes, encoding: str) -> Samples:
    """Samples of raw mono audio: linear16, mulaw or alaw. A trailing half sample is dropped."""
    if encoding == "linear16":
        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)
    codes = np.frombuffer(data, dtype=np.uint8).astype(np.int32)
    if encoding == "mulaw":  # ITU-T G.711
        codes = ~codes & 0xFF
        magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
        return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)
    if encoding == "alaw":
        codes = codes ^ 0x55
        exponent, mantissa = (codes & 0x70) >> 4, (codes & 0x0F) << 4
        magnitude = np.where(
            exponent, mantissa + 0x108 << np.maximum(exponent - 1, 0), mantissa + 8
        )
        return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)
    raise BadAudio(f"The encoding {encoding[:40]!r} is not supported.")
