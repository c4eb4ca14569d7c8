"""What a telephone line and a WebRTC room do to a voice: real codecs, by PyAV."""

from __future__ import annotations

import av
import numpy as np

from sandbox.providers.mouth import Samples, resample


def opus(samples: Samples, rate: int, out_rate: int) -> Samples:
    """Through Opus at 48 kHz mono 32 kbps, then to `out_rate` as a room's subscriber has it."""
    return resample(
        _coded(resample(samples, rate, 48_000), "libopus", "opus", 48_000), 48_000, out_rate
    )


def g711(samples: Samples, rate: int) -> Samples:
    """Through mu-law at 8 kHz."""
    return _coded(resample(samples, rate, 8_000), "pcm_mulaw", "pcm_mulaw", 8_000)


def _coded(samples: Samples, encoder: str, decoder: str, rate: int) -> Samples:
    outward = av.CodecContext.create(encoder, "w")
    outward.sample_rate, outward.layout, outward.format = rate, "mono", "s16"
    if encoder == "libopus":
        outward.bit_rate = 32_000
    outward.open()
    inward = av.CodecContext.create(decoder, "r")
    if decoder == "opus":
        inward.extradata = outward.extradata
    else:
        inward.sample_rate, inward.layout = rate, "mono"
    size = rate // 50
    padded = np.pad(samples, (0, -samples.size % size + size))
    heard = []
    for at in range(0, padded.size, size):
        frame = av.AudioFrame.from_ndarray(padded[None, at : at + size], "s16", "mono")
        frame.sample_rate, frame.pts = rate, at
        for packet in outward.encode(frame):
            heard += [piece.to_ndarray().reshape(-1) for piece in inward.decode(packet)]
    clip = np.concatenate(heard)
    if clip.dtype != np.int16:
        clip = (np.clip(clip, -1.0, 1.0) * 32767).astype(np.int16)
    return clip
