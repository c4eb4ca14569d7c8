"""G722 by FFmpeg: 64 kbit/s, 16 kHz of audio on an RTP clock of 8 kHz (RFC 3551 section 4.5.2)."""

from __future__ import annotations

from typing import Literal

import av

from bridge.sdp import G722

_BYTES = 2  # a sample


def _context(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    context = av.CodecContext.create("g722", mode)
    context.sample_rate = G722.sample_rate
    context.layout = "mono"
    context.format = "s16"
    context.open()
    return context


class G722Decoder:
    """Has a memory: payloads in the order of their playing."""

    def __init__(self) -> None:
        self._context = _context("r")

    def decode(self, payload: bytes) -> bytes:
        frames = self._context.decode(av.Packet(payload))
        return b"".join(bytes(frame.planes[0])[: frame.samples * _BYTES] for frame in frames)


class G722Encoder:
    """Takes 20 ms at a time, which is FFmpeg's frame."""

    def __init__(self) -> None:
        self._context = _context("w")
        self._samples = 0

    def encode(self, pcm: bytes) -> bytes:
        samples = len(pcm) // _BYTES
        frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
        frame.planes[0].update(pcm)
        frame.sample_rate = G722.sample_rate
        frame.pts = self._samples
        self._samples += samples
        return b"".join(bytes(packet) for packet in self._context.encode(frame))
