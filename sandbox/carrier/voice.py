"""What the phone says, as samples for the call's codec."""

from __future__ import annotations

import asyncio

import numpy as np

from sandbox.providers.mouth import CALLER_VOICE, render

_LOUDNESS = 0.3


async def speech(text: str, rate: int) -> bytes:
    """PCM, 16 bit, mono. Rendered in a thread: the loop has packets to send."""
    samples = await asyncio.to_thread(render, text, CALLER_VOICE, rate)
    return samples.tobytes()


def tone(hertz: float, rate: int, seconds: float = 1.0) -> bytes:
    """PCM, 16 bit, mono."""
    at = np.arange(int(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * hertz * at) * _LOUDNESS * 32767
    return wave.astype(np.int16).tobytes()
