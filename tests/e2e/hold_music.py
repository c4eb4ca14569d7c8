"""Commands to a call, and whether what is heard is the default hold music."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import numpy.typing as npt

from sandbox.caller.hearing import SAMPLE_RATE
from tests.e2e.switchboard import Switchboard, WebCall

Samples = npt.NDArray[np.float64]


async def commanded(
    switchboard: Switchboard, call: WebCall, verb: str, body: dict[str, Any] | None = None
) -> None:
    answer = await switchboard.http.post(f"/calls/{call.id}/{verb}", json=body)
    assert answer.status_code == 200, answer.text


async def default_music(switchboard: Switchboard) -> Samples:
    answer = await switchboard.http.get("/media/hold-music.wav")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getframerate() == SAMPLE_RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def likeness(heard: npt.NDArray[np.int16], asset: Samples) -> float:
    """The best correlation of a second of what was heard with any second of the asset's loop."""
    piece = heard[SAMPLE_RATE // 2 : SAMPLE_RATE * 3 // 2].astype(np.float64)
    ring = np.concatenate([asset, asset[: piece.size]])
    size = 1 << (ring.size + piece.size).bit_length()
    products = np.fft.irfft(np.fft.rfft(ring, size) * np.conj(np.fft.rfft(piece, size)), size)
    sums = np.cumsum(np.concatenate([[0.0], ring**2]))
    powers = sums[piece.size :] - sums[: -piece.size]
    norms = np.sqrt(np.maximum(powers, 1.0)) * np.linalg.norm(piece)
    return float(np.max(products[: powers.size] / norms))
